import { cacheConformance } from '@dashtam/cache-conformance'
import { createRedisClient, RedisAdapter, type RedisClientOptions } from '@dashtam/cache-redis'
import { sharedRedisUrl, startRedisCluster } from '@dashtam/testkit'
import t, { type Test } from 'tap'

const url = await sharedRedisUrl()
await t.test('Redis, protocol 2', t => conforms(t, { url, redis: { protocol: 2 } }))
await t.test('Redis, protocol 3', t => conforms(t, { url, redis: { protocol: 3 } }))
await t.test('Redis cluster', async t => {
  await using cluster = await startRedisCluster()
  await conforms(t, { cluster: cluster.seeds })
})

async function conforms(t: Test, options: RedisClientOptions): Promise<void> {
  const client = createRedisClient(options)
  // Until the adapter listens, as it does for the clients below, ioredis would print what it cannot tell anybody.
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  const tests: Promise<unknown>[] = []
  cacheConformance({
    test: (title, run) =>
      tests.push(
        t.test(title, async t => {
          await run()
          t.pass('conforms')
        })
      ),
    // A client for each cache, so that every first operation meets a connection that is still being made.
    create: cacheOptions =>
      new RedisAdapter({
        ...cacheOptions,
        client: createRedisClient(options),
        closesClient: true,
        commandTimeoutMs: 5_000
      }),
    foreign: {
      setString: async (key, value) => {
        await client.set(key, value, 'PX', 60_000)
      },
      setOther: async key => {
        await client.lpush(key, 'x')
      },
      exists: async key => (await client.exists(key)) === 1
    }
  })
  await Promise.all(tests)
}
