import { createRedisClient, RedisAdapter } from '@dashtam/cache-redis'
import { randomPrefix, sharedRedisUrl } from '@dashtam/testkit'
import t from 'tap'

/** When the key of a bucket will end, and when it will be full, in microseconds since 2026. */
const MOMENTS = `local full_at = redis.call('GET', KEYS[1])
if not full_at then return {} end
local ends_at = (redis.call('PEXPIRETIME', KEYS[1]) - 1767225600000) * 1000
return { string.format('%.0f', ends_at), full_at }`

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
  let inTime = 0
  for (let round = 0; round < 200; round++) {
    const key = `${keyspace}:${round}`
    await buckets.take(key, limit, round % 2 === 0 ? 1_000 : 777)
    if (round % 3 === 0) await buckets.give(key, limit, 100)
    const [endsAtUs, fullAtUs] = (await client.eval(MOMENTS, 1, key)) as string[]
    // Of a key that has ended meanwhile nothing can be said.
    if (Number(endsAtUs) < Number(fullAtUs)) early.push(Number(fullAtUs) - Number(endsAtUs))
    else if (endsAtUs !== undefined) inTime++
  }
  t.strictSame(early, [])
  t.ok(inTime > 100, `${inTime} of 200`)
})
