import { createReadThrough, type ReadThroughCache } from '@dashtam/cache-tiered'
import type { FastifyInstance } from 'fastify'
import type { FastifyCacheOptions } from './options.ts'

/** Opens the read-through engine beside the adapter that the options name. It closes with the app, before the adapter. */
export function openReadThrough(app: FastifyInstance, options: FastifyCacheOptions): ReadThroughCache {
  const { keyspace = 'dashtam', ttlSeconds, redis, readThrough = {} } = options
  const backend = redis && app.redisCache.readThroughBackend(readThrough)
  const cache = createReadThrough({
    ...readThrough,
    ...backend,
    keyspace,
    ...(ttlSeconds !== undefined && { ttlSeconds })
  })
  // Hooks of this kind run from the last to the first.
  app.addHook('onClose', async () => {
    await cache.close()
  })
  return cache
}
