import { fencedStoreConformance } from '@dashtam/cache-conformance'
import type { Redis } from 'ioredis'
import t from 'tap'
import { mastersOf } from '../src/topology.ts'
import { onEachRedis } from './fixtures/on-each-redis.ts'

await onEachRedis(t, ({ test, open, client }) =>
  fencedStoreConformance({
    test,
    create: ({ keyspace }) => {
      const adapter = open({ keyspace })
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
)

async function removeAll(masters: readonly Redis[], keyspace: string): Promise<void> {
  for (const master of masters) {
    for await (const keys of master.scanStream({ match: `${keyspace}:*`, count: 1_000 })) {
      for (const key of keys) await master.del(key)
    }
  }
}
