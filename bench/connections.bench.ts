// One multiplexed connection with auto-pipelining, or the seeds' pool of 50?
import { createRedisClient } from '@dashtam/cache-redis'
import { randomPrefix, startRedis } from '@dashtam/testkit'
import { Redis } from 'ioredis'
import { compare, concurrently, printMachine } from './compare.ts'

const VALUE = 'x'.repeat(256)
const POOL_SIZE = 50
const OPERATIONS = 20_000

const server = await startRedis()
const one = createRedisClient({ url: server.url })
const pool = Array.from({ length: POOL_SIZE }, () => new Redis(server.url))
const free = [...pool]
const waiting: ((client: Redis) => void)[] = []
const key = `${randomPrefix()}:user:1:profile`
await pool[0]?.set(key, VALUE)
printMachine(/redis_version:(\S+)/.exec((await pool[0]?.info('server')) ?? '')?.[1] ?? '?')

for (const concurrency of [1, 64, 512]) {
  await compare({
    title: `get, ${VALUE.length} bytes, ${concurrency} at a time`,
    operations: OPERATIONS / (concurrency === 1 ? 10 : 1),
    expected: OPERATIONS / (concurrency === 1 ? 10 : 1),
    atLeast: 1,
    rounds: 20,
    contenders: [
      {
        name: `${POOL_SIZE} connections, one command each`,
        round: () =>
          concurrently(OPERATIONS / (concurrency === 1 ? 10 : 1), concurrency, async () => {
            const client = free.pop() ?? (await new Promise<Redis>(resolve => waiting.push(resolve)))
            const value = await client.get(key)
            const next = waiting.shift()
            if (next === undefined) free.push(client)
            else next(client)
            return value === VALUE
          })
      },
      {
        name: 'one connection, auto-pipelining',
        round: () =>
          concurrently(
            OPERATIONS / (concurrency === 1 ? 10 : 1),
            concurrency,
            async () => (await one.get(key)) === VALUE
          )
      }
    ]
  })
}

await pool[0]?.del(key)
for (const client of [one, ...pool]) client.disconnect()
await server.stop()
