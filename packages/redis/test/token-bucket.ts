import { createRedisClient, RedisAdapter } from '@dashtam/cache-redis'
import { randomPrefix, sharedRedisUrl } from '@dashtam/testkit'
import t from 'tap'

/** How long the key of a bucket will live, and how long it will be until the bucket is full, in microseconds. */
const LIFE = `local time = redis.call('TIME')
local now = (time[1] - 1767225600) * 1000000 + time[2]
local full_at = redis.call('GET', KEYS[1])
return { redis.call('PTTL', KEYS[1]) * 1000 - now % 1000, full_at and math.ceil(full_at - now) or 0 }`

t.test('a bucket does not end before it is full, however small its tokens are', async t => {
  const keyspace = randomPrefix()
  const client = createRedisClient({ url: await sharedRedisUrl() })
  const adapter = new RedisAdapter({ keyspace, client, closesClient: true, commandTimeoutMs: 5_000 })
  t.teardown(async () => {
    await adapter.flush()
    await adapter.close()
  })
  const buckets = adapter.tokenBucket()
  const limit = { capacity: 1_000, refillSeconds: 0.020_3 }
  const early: number[] = []
  for (let round = 0; round < 200; round++) {
    const key = `${keyspace}:${round}`
    await buckets.take(key, limit, round % 2 === 0 ? 1_000 : 777)
    if (round % 3 === 0) await buckets.give(key, limit, 100)
    const [livesUs = 0, fillsUs = 0] = (await client.eval(LIFE, 1, key)) as number[]
    // Of a key that has ended meanwhile nothing can be said.
    if (fillsUs > 0 && livesUs < fillsUs) early.push(fillsUs - livesUs)
  }
  t.strictSame(early, [])
})
