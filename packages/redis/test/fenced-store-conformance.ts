import { fencedStoreConformance } from '@dashtam/cache-conformance'
import { createRedisClient, RedisAdapter, type RedisClientOptions } from '@dashtam/cache-redis'
import { sharedRedisUrl, startRedisCluster } from '@dashtam/testkit'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { mastersOf } from '../src/topology.ts'

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
  fencedStoreConformance({
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
      return {
        store: adapter.fencedStore(),
        close: async () => {
          await adapter.close()
          await removeAll(mastersOf(client), keyspace)
        }
      }
    },
    foreign: {
      setSlot: async (key, bytes) => {
        const [keyspace = '', ...rest] = key.split(':')
        await client.set(`${keyspace}:~s:${rest.join(':')}`, Buffer.from(bytes))
      }
    }
  })
  await Promise.all(tests)
}

async function removeAll(masters: readonly Redis[], keyspace: string): Promise<void> {
  for (const master of masters) {
    for await (const keys of master.scanStream({ match: `${keyspace}:*`, count: 1_000 })) {
      for (const key of keys) await master.del(key)
    }
  }
}
