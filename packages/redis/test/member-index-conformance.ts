import { memberIndexConformance } from '@dashtam/cache-conformance'
import t from 'tap'
import { onEachRedis } from './fixtures/on-each-redis.ts'

await onEachRedis(t, ({ test, open, client }) =>
  memberIndexConformance({
    test,
    create: ({ keyspace }) => {
      const adapter = open({ keyspace })
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
)
