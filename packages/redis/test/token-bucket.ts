import { createRedisClient, RedisAdapter } from '@dashtam/cache-redis'
import { randomPrefix, sharedRedisUrl } from '@dashtam/testkit'
import t from 'tap'

t.test(
  'a bucket that is emptied again and again gives no more than it fills, however small its tokens are',
  async t => {
    const keyspace = randomPrefix()
    const adapter = new RedisAdapter({
      keyspace,
      client: createRedisClient({ url: await sharedRedisUrl() }),
      closesClient: true,
      commandTimeoutMs: 5_000
    })
    t.teardown(async () => {
      await adapter.flush()
      await adapter.close()
    })
    const buckets = adapter.tokenBucket()
    const limit = { capacity: 2, refillSeconds: 0.001_6 }
    const startedAtMs = performance.now()
    let taken = 0
    while (taken < 600) {
      const state = await buckets.take(`${keyspace}:a`, limit, 2)
      if (!state.ok) throw new Error(state.error.message)
      if (state.value.isAllowed) taken += 2
      await new Promise(setImmediate)
    }
    const filled = limit.capacity * (1 + (performance.now() - startedAtMs) / (limit.refillSeconds * 1_000))
    t.ok(taken <= filled, `${taken} taken, ${filled} filled`)
  }
)
