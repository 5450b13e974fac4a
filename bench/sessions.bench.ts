// What does it cost to know who is signed in, over HTTP?
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startRedis } from '@dashtam/testkit'
import autocannon from 'autocannon'
import { compare, printMachine } from './compare.ts'

const SERVER = fileURLToPath(new URL('session-server.ts', import.meta.url))
const USERS = 100
const CONNECTIONS = 10
/** Requests that a connection has under way: otherwise half of a request is what its packets cost, whatever the server does. */
const PIPELINING = 10
const REQUESTS = 6_000
const ROUNDS = 15
/** What the sessions hold, beside who is signed in. */
const CONTENTS = [
  {},
  {
    theme: 'dark',
    locale: 'en-US',
    csrfToken: 'Y'.repeat(32),
    roles: ['reader', 'editor'],
    recent: Array.from({ length: 4 }, (_, index) => ({ id: `account-${index}`, name: `Brokerage account ${index}` }))
  }
]

await using redis = await startRedis()
printMachine(/redis_version:(\S+)/.exec(await redis.cli('info', 'server'))?.[1] ?? 'unknown')

const handWritten = await startServer('handWritten', 'hand-written: a cookie and a GET')
const plugin = await startServer('plugin', '@dashtam/session-cache/fastify')
const connectRedis = await startServer('connectRedis', '@fastify/session, connect-redis')
const memoryStore = await startServer('memoryStore', '@fastify/session, in memory')
const sessionStore = await startServer('sessionStore', '@fastify/session, our sessionStore')

for (const data of CONTENTS) {
  for (const [baseline, contender, atLeast] of [
    [handWritten, plugin, 0.8],
    [connectRedis, plugin, 2],
    [memoryStore, sessionStore, 0.9]
  ] as const) {
    await compare({
      title: `GET /me, ${USERS} users, ${CONNECTIONS} connections, ${PIPELINING} requests in each, sessions with ${JSON.stringify(data).length} bytes of data`,
      operations: REQUESTS,
      expected: REQUESTS,
      atLeast,
      rounds: ROUNDS,
      contenders: [await baseline.signInAll(data), await contender.signInAll(data)]
    })
  }
}
for (const { stop } of [handWritten, plugin, connectRedis, memoryStore, sessionStore]) stop()

async function startServer(server: string, name: string) {
  const child = fork(SERVER, [server, redis.url])
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`the server '${server}' has ended`)))
  const [url] = (await Promise.race([once(child, 'message'), ended])) as [string]
  ended.catch(() => undefined)
  return {
    /** A round asks for everybody in turn, and answers how many answers were of the right user. */
    async signInAll(data: object) {
      let right = 0
      const requests = await Promise.all(
        Array.from({ length: USERS }, async (_, user) => {
          const userId = `user-${user}`
          const expected = JSON.stringify({ userId })
          const onResponse = (status: number, body: string) => {
            if (status === 200 && body === expected) right++
          }
          return { path: '/me', headers: { cookie: await signIn(url, { userId, data }) }, onResponse }
        })
      )
      const round = async () => {
        right = 0
        // A connection ends with its last request, although those before are not answered yet.
        const amount = REQUESTS + CONNECTIONS * (PIPELINING - 1)
        const load = { connections: CONNECTIONS, pipelining: PIPELINING, amount }
        // `sampleInt` is how often it looks whether it is done.
        await autocannon({ url, ...load, sampleInt: 5, requests })
        return right
      }
      return { name, round }
    },
    stop: () => child.disconnect()
  }
}

/** @returns the cookie */
async function signIn(url: string, user: object): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}/sign-in`, { method: 'POST', headers, body: JSON.stringify(user) })
  return answer.headers.getSetCookie()[0]?.split(';')[0] ?? ''
}
