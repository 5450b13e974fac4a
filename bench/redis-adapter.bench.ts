// What does the port cost on top of a bare ioredis client with auto-pipelining?
import { createRedisClient, RedisAdapter } from '@dashtam/cache-redis'
import { randomPrefix, startRedis } from '@dashtam/testkit'
import { Redis } from 'ioredis'
import { compare, concurrently, printMachine } from './compare.ts'

const VALUE = 'x'.repeat(256)
const KEYS = 1_000
const OPERATIONS = 20_000

const server = await startRedis()
const bare = new Redis(server.url, { enableAutoPipelining: true })
const keyspace = randomPrefix()
const adapter = new RedisAdapter({ keyspace, client: createRedisClient({ url: server.url }), closesClient: true })
const keys = Array.from({ length: KEYS }, (_, index) => `${keyspace}:user:${index}:profile`)
const keyAt = (index: number) => keys[index % KEYS] as string
const hundred = keys.slice(0, 100)
const entries = hundred.map(key => [key, VALUE] as const)
await adapter.setMany(keys.map(key => [key, VALUE] as const))
printMachine(/redis_version:(\S+)/.exec(await bare.info('server'))?.[1] ?? '?')

for (const concurrency of [64, 512]) {
  await compare({
    title: `get, ${VALUE.length} bytes, ${concurrency} at a time`,
    operations: OPERATIONS,
    expected: OPERATIONS,
    atLeast: 0.88,
    contenders: [
      {
        name: 'ioredis get, auto-pipelining',
        round: () => concurrently(OPERATIONS, concurrency, async index => (await bare.get(keyAt(index))) === VALUE)
      },
      {
        name: 'RedisAdapter.get',
        round: () =>
          concurrently(OPERATIONS, concurrency, async index => {
            const read = await adapter.get(keyAt(index))
            return read.ok && read.value === VALUE
          })
      }
    ]
  })
  await compare({
    title: `set, ${VALUE.length} bytes, ${concurrency} at a time`,
    operations: OPERATIONS,
    expected: OPERATIONS,
    atLeast: 0.88,
    contenders: [
      {
        name: 'ioredis set PX, auto-pipelining',
        round: () =>
          concurrently(
            OPERATIONS,
            concurrency,
            async index => (await bare.set(keyAt(index), VALUE, 'PX', 60_000)) === 'OK'
          )
      },
      {
        name: 'RedisAdapter.set',
        round: () =>
          concurrently(
            OPERATIONS,
            concurrency,
            async index => (await adapter.set(keyAt(index), VALUE, { ttlSeconds: 60 })).ok
          )
      }
    ]
  })
}

await compare({
  title: 'getMany of 100 keys, one after the other',
  operations: 300,
  expected: 300,
  atLeast: 0.93,
  contenders: [
    { name: 'ioredis MGET', round: () => concurrently(300, 1, async () => (await bare.mget(hundred))[99] === VALUE) },
    {
      name: 'RedisAdapter.getMany',
      round: () =>
        concurrently(300, 1, async () => {
          const read = await adapter.getMany(hundred)
          return read.ok && read.value.get(keyAt(99)) === VALUE
        })
    }
  ]
})

await compare({
  title: 'setMany of 100 keys, one after the other',
  operations: 100,
  expected: 100,
  atLeast: 0.93,
  contenders: [
    {
      name: 'ioredis pipeline of SET PX',
      round: () =>
        concurrently(100, 1, async () => {
          const pipeline = bare.pipeline()
          for (const key of hundred) pipeline.set(key, VALUE, 'PX', 60_000)
          return (await pipeline.exec())?.length === 100
        })
    },
    {
      name: 'RedisAdapter.setMany',
      round: () => concurrently(100, 1, async () => (await adapter.setMany(entries, { ttlSeconds: 60 })).ok)
    }
  ]
})

await adapter.close()
bare.disconnect()
await server.stop()
