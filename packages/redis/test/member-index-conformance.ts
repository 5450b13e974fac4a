import { memberIndexConformance } from '@dashtam/cache-conformance'
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
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  const tests: Promise<unknown>[] = []
  memberIndexConformance({
    test: (title, run) =>
      tests.push(
        t.test(title, async t => {
          await run()
          t.pass('conforms')
        })
      ),
    create: ({ keyspace }) => {
      const adapter = new RedisAdapter({
        keyspace,
        client: createRedisClient(options),
        closesClient: true,
        commandTimeoutMs: 5_000
      })
      const close = async () => {
        await adapter.flush()
        await adapter.close()
      }
      return { index: adapter.memberIndex(), close }
    },
    foreign: {
      setOther: async owner => {
        await client.set(owner, 'a')
      },
      exists: async owner => (await client.exists(owner)) === 1
    }
  })
  await Promise.all(tests)
}
