import { InMemoryCache } from '@dashtam/cache-memory'
import type { CacheProtocol } from '@dashtam/cache-protocol'
import type { FastifyInstance } from 'fastify'
import type { HealthTracker } from './health.ts'
import { DEFAULT_KEYSPACE, type FastifyCacheOptions } from './options.ts'

/** Opens the adapter that the options name, to be closed with the app; one that was handed in is left to its owner. */
export async function openStore(
  app: FastifyInstance,
  options: FastifyCacheOptions,
  health: HealthTracker
): Promise<CacheProtocol> {
  if (options.store !== undefined) return options.store
  const { keyspace = DEFAULT_KEYSPACE, familyOf, ttlSeconds } = options
  const port = { keyspace, ...(familyOf && { familyOf }), ...(ttlSeconds !== undefined && { ttlSeconds }) }
  if (options.redis === undefined) {
    const cache = new InMemoryCache({ ...options.memory, ...port })
    app.addHook('onClose', async () => {
      await cache.close()
    })
    return cache
  }
  // An app that caches in memory does not load a Redis client.
  const { fastifyRedisCache } = await import('@dashtam/cache-redis/fastify')
  await app.register(fastifyRedisCache, {
    ...options.redis,
    ...port,
    onStateChange: ({ reason }) => health.observe(reason)
  })
  return app.redisCache
}
