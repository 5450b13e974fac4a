import { tokenBucketConformance } from '@dashtam/cache-conformance'
import t from 'tap'
import { onEachRedis } from './fixtures/on-each-redis.ts'

await onEachRedis(t, ({ test, open, client }) =>
  tokenBucketConformance({
    test,
    create: ({ keyspace }) => {
      const adapter = open({ keyspace })
      const close = async () => {
        await adapter.flush()
        await adapter.close()
      }
      return { buckets: adapter.tokenBucket(), close }
    },
    foreign: {
      setString: async (key, value) => {
        await client.set(key, value)
      },
      setOther: async key => {
        await client.lpush(key, 'a')
      }
    }
  })
)
