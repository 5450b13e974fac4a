// What does the demo save, over HTTP, with a brokerage that takes 150 ms for an answer?
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startBrokerage } from '@dashtam/brokerage'
import { createTestDatabase, startRedis } from '@dashtam/testkit'
import { type Answer, Client } from '../apps/demo/scripts/tour/client.ts'
import { difference, type Reading, read as readMeter } from '../apps/demo/scripts/tour/meter.ts'
import { walkToBrokerage } from '../apps/demo/scripts/tour/walk-to-brokerage.ts'
import { median, printMachine } from './compare.ts'

const DEMO = fileURLToPath(new URL('../apps/demo/dist/main.js', import.meta.url))
const USERS = 50
const REQUESTS = 1_000
const WARM_REQUESTS = 10
const LATENCY_MS = 150
const ADMIN = { email: 'admin@dashtam.example', password: 'dashtam-admin' }
const PASSWORD = 'dashtam-demo'

await using redis = await startRedis()
const database = await createTestDatabase()
const brokerage = await startBrokerage()
const demo = spawn(process.execPath, [DEMO], {
  env: {
    PORT: '0',
    LOG_LEVEL: 'warn',
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    BROKERAGE_URL: brokerage.url,
    RATE_LIMIT_API_PER_MINUTE: '1000000'
  },
  stdio: ['ignore', 'pipe', 'inherit']
})
const demoEnded = once(demo, 'close')
try {
  printMachine(/redis_version:(\S+)/.exec(await redis.cli('info', 'server'))?.[1] ?? 'unknown')
  const address = await listening()
  const visitors = await Promise.all((await someEmails(address)).map(email => visit(address, email)))
  brokerage.setFaults({ latencyMs: LATENCY_MS })
  await compareReads(visitors)
  await countSavings(address, visitors)
} finally {
  demo.kill('SIGTERM')
  await demoEnded
  await brokerage.close()
  await database.drop()
}

interface Visitor {
  readonly client: Client
  readonly refreshToken: string
  readonly connectionId: string
  /** Of what is connected. */
  accountId: string
}

async function listening(): Promise<string> {
  let printed = ''
  for await (const chunk of demo.stdout.setEncoding('utf8')) {
    printed += chunk
    const address = /Dashtam listens on (\S+);/.exec(printed)?.[1]
    if (address !== undefined) {
      demo.stdout.resume()
      return address
    }
  }
  throw new Error('the demo has ended')
}

async function someEmails(address: string): Promise<string[]> {
  const admin = new Client([address])
  admin.token = (await admin.send('POST', '/sessions', { body: ADMIN })).body.accessToken
  const { users } = (await admin.get(`/admin/users?limit=${USERS + 1}`)).body
  const emails = users.map(({ email }: { readonly email: string }) => email)
  return emails.filter((email: string) => email !== ADMIN.email).slice(0, USERS)
}

/** Signs in and connects. */
async function visit(address: string, email: string): Promise<Visitor> {
  const client = new Client([address])
  const { accessToken, refreshToken } = right(
    await client.send('POST', '/sessions', { body: { email, password: PASSWORD } })
  )
  client.token = accessToken
  const begun = await client.send('POST', '/connections', { body: { provider: 'brokerage', alias: 'Mine' } })
  const { id } = right(await client.send('GET', await walkToBrokerage(right(begun).authorizationUrl)))
  right(await client.send('POST', `/connections/${id}/sync`))
  const { accounts } = right(await client.get(`/accounts?connectionId=${id}`))
  return { client, refreshToken, connectionId: id, accountId: accounts[0].id }
}

function right({ status, body }: Answer) {
  if (status >= 300) throw new Error(`${status}: ${JSON.stringify(body)}`)
  return body
}

/** One after the other, so that nobody waits for somebody else: each visitor's first read, and his next ones. */
async function compareReads(visitors: readonly Visitor[]): Promise<void> {
  const reads: Record<string, (visitor: Visitor) => Promise<Answer>> = {
    'connections of a user': ({ client }) => client.get('/connections'),
    'a connection, provider accounts': ({ client, connectionId }) => client.get(`/connections/${connectionId}`),
    'accounts of a user': ({ client }) => client.get('/accounts'),
    'an account': ({ client, accountId }) => client.get(`/accounts/${accountId}`),
    'transactions, from the provider': ({ client, accountId }) => client.get(`/accounts/${accountId}/transactions`)
  }
  console.log(
    `\nfirst read and next ones, ${visitors.length} users: the read itself (wanted: 10x), and the whole request`
  )
  for (const [name, ask] of Object.entries(reads)) {
    const [cold, warm]: [Answer[], Answer[]] = [[], []]
    for (const visitor of visitors) {
      cold.push(await ask(visitor))
      for (let request = 0; request < WARM_REQUESTS; request++) warm.push(await ask(visitor))
    }
    for (const answer of [...cold, ...warm]) right(answer)
    const line = (['readMs', 'ms'] as const).map(time => {
      const [before, after] = [cold, warm].map(answers => median(answers.map(answer => answer[time] ?? Number.NaN)))
      const [from = Number.NaN, to = Number.NaN] = [before, after]
      return `${from.toFixed(2).padStart(7)} -> ${to.toFixed(3).padStart(6)} ms ${(from / to).toFixed(0).padStart(6)}x`
    })
    console.log(`  ${name.padEnd(32)} ${line.join('     ')}`)
  }
}

/** Users in turns, all of them at once. */
async function countSavings(address: string, visitors: readonly Visitor[]): Promise<void> {
  const refresh = ({ client, refreshToken }: Visitor) => client.send('POST', '/tokens', { body: { refreshToken } })
  const reads: [string, keyof Reading, number, (visitor: Visitor) => Promise<Answer>][] = [
    ['provider calls, reading a connection', 'provider', 90, v => v.client.get(`/connections/${v.connectionId}`)],
    ['database queries, listing accounts', 'database', 70, v => v.client.get('/accounts')],
    ['database queries, refreshing a token', 'database', 90, refresh]
  ]
  console.log(`\n${REQUESTS} requests of ${visitors.length} users, with what is loaded for the first of each`)
  for (const [name, kind, atLeast, ask] of reads) {
    await Promise.all(
      visitors.map(async v => right(await v.client.send('POST', `/connections/${v.connectionId}/sync`)))
    )
    const before = await readMeter([address])
    for (let request = 0; request < REQUESTS; request += visitors.length) {
      for (const answer of await Promise.all(visitors.map(ask))) right(answer)
    }
    const count = difference(await readMeter([address]), before)[kind]
    const saved = (1 - count / REQUESTS) * 100
    console.log(`  ${name.padEnd(38)} ${String(count).padStart(4)}: ${saved.toFixed(1)} % less  (wanted: ${atLeast} %)`)
  }
}
