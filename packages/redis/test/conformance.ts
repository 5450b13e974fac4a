import { cacheConformance } from '@dashtam/cache-conformance'
import t from 'tap'
import { onEachRedis } from './fixtures/on-each-redis.ts'

await onEachRedis(t, ({ test, open, client }) =>
  cacheConformance({
    test,
    create: options => open(options),
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
)
