// What does a rate limit cost: one that lets through, and one that is known to be exceeded?

import { MemoryTokenBucket } from '@dashtam/cache-memory'
import { createRedisClient, RedisAdapter } from '@dashtam/cache-redis'
import { createRateLimiter, type LimitUse } from '@dashtam/rate-limit'
import { randomPrefix, startRedis } from '@dashtam/testkit'
import FastifyStore from '@fastify/rate-limit/store/RedisStore.js'
import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import { compare, concurrently, printMachine } from './compare.ts'

const CLIENTS = 10_000
const OPERATIONS = 20_000
const CONCURRENCY = 64
const CAPACITY = 1_000_000
/** The least that limits in Redis: a counter for each window. */
const COUNTER = `local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count`

await using server = await startRedis()
const bare = new Redis(server.url, { enableAutoPipelining: true })
const keyspace = randomPrefix()
const adapter = new RedisAdapter({ keyspace, client: createRedisClient({ url: server.url }), closesClient: true })
const limiter = createRateLimiter({
  buckets: adapter.tokenBucket(),
  localBuckets: new MemoryTokenBucket({ keyspace })
})
const keys = Array.from({ length: CLIENTS }, (_, client) => `${keyspace}:rate_limit:${client}:accounts`)
const keyAt = (index: number) => keys[index % CLIENTS] as string
printMachine(/redis_version:(\S+)/.exec(await bare.info('server'))?.[1] ?? 'unknown')

const sha1 = (await bare.script('LOAD', COUNTER)) as string
const flexible = new RateLimiterRedis({
  storeClient: bare,
  keyPrefix: `${keyspace}:flexible`,
  points: CAPACITY,
  duration: 60,
  useRedisPackage: false
})
const fastify = new FastifyStore(false, false, bare, `${keyspace}:fastify:`)
const trivial = {
  name: 'auto-pipelined EVALSHA of INCR and PEXPIRE',
  round: () =>
    concurrently(
      OPERATIONS,
      CONCURRENCY,
      async index => ((await bare.evalsha(sha1, 1, `${keyAt(index)}:bare`, 60_000)) as number) <= CAPACITY
    )
}
const uses = (key: string, capacity: number, refillSeconds = 60): LimitUse[] => [
  { name: 'user', key, limit: { capacity, refillSeconds } }
]

await compare({
  title: `a request that is let through, ${CLIENTS} clients, concurrency ${CONCURRENCY}`,
  operations: OPERATIONS,
  expected: OPERATIONS,
  atLeast: 0.9,
  contenders: [
    trivial,
    {
      name: 'rate-limiter-flexible',
      round: () =>
        concurrently(OPERATIONS, CONCURRENCY, async index => (await flexible.consume(keyAt(index))).remainingPoints > 0)
    },
    {
      name: "@fastify/rate-limit's store",
      round: () =>
        concurrently(
          OPERATIONS,
          CONCURRENCY,
          index =>
            new Promise<boolean>((resolve, reject) =>
              fastify.incr(
                keyAt(index),
                (error, result) => (error ? reject(error) : resolve((result?.current ?? Infinity) <= CAPACITY)),
                60_000,
                CAPACITY
              )
            )
        )
    },
    {
      name: 'RateLimiter.consume, small tokens',
      round: () =>
        concurrently(
          OPERATIONS,
          CONCURRENCY,
          async index => (await limiter.consume(uses(`${keyAt(index)}:small`, CAPACITY))).isAllowed
        )
    },
    {
      name: 'RateLimiter.consume',
      round: () =>
        concurrently(
          OPERATIONS,
          CONCURRENCY,
          async index => (await limiter.consume(uses(keyAt(index), 1_000, 600))).isAllowed
        )
    }
  ]
})

for (const key of keys) await limiter.consume(uses(`${key}:over`, 1))
await compare({
  title: 'a request of a client that is known to be over its limit',
  operations: OPERATIONS,
  expected: OPERATIONS,
  atLeast: 5,
  contenders: [
    trivial,
    {
      name: 'RateLimiter.consume, refused',
      round: () =>
        concurrently(
          OPERATIONS,
          CONCURRENCY,
          async index => !(await limiter.consume(uses(`${keyAt(index)}:over`, 1))).isAllowed
        )
    }
  ]
})

await adapter.close()
bare.disconnect()
