import { CacheMetrics, measured } from '@dashtam/cache-metrics'
import { registerCacheMetrics, registerReadThroughMetrics } from '@dashtam/cache-metrics/prometheus'
import type { CacheProtocol, MemberIndex, TokenBucket } from '@dashtam/cache-protocol'
import type { ReadThroughCache } from '@dashtam/cache-tiered'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { Gauge, Registry } from 'prom-client'
import { HealthTracker } from './health.ts'
import { openBuckets, openCache } from './open-cache.ts'
import { checkOptions, type FastifyCacheOptions } from './options.ts'
import { addRoutes } from './routes.ts'

export { cacheStatus } from './cache-status.ts'
export type { CacheHealth } from './health.ts'
export type { CacheRoutes, FastifyCacheOptions, MemoryOptions, ReadThroughOptions, RedisOptions } from './options.ts'
export type { ReadinessCheck } from './readiness.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The cache, read through: `app.cache.family(…)`. */
    cache: ReadThroughCache
    /** The cache, as the port. What is done through it is counted in `app.cacheMetrics`. */
    cacheStore: CacheProtocol
    /** What the cache has been doing, per family of keys. */
    cacheMetrics: CacheMetrics
    /** Buckets of tokens: those that the fleet shares, and those of this process. */
    cacheBuckets: { readonly shared: TokenBucket; readonly local: TokenBucket }
    /** Members under owners, such as the sessions of a user. */
    cacheMembers: MemberIndex
  }
}

const plugin: FastifyPluginAsync<FastifyCacheOptions> = async (app, options) => {
  checkOptions(options)
  if (app.hasDecorator('cacheStore')) throw new Error('@dashtam/fastify-cache is already registered in this scope')
  const { familyOf, registry = new Registry(), routes = {}, checks = {} } = options
  const health = new HealthTracker()
  const metrics = new CacheMetrics()
  const { store, readThrough, buckets, members } = await openCache(app, options, health)
  app.decorate('cacheMetrics', metrics)
  app.decorate('cacheStore', measured(store, { metrics, ...(familyOf && { namespaceOf: familyOf }) }))
  app.decorate('cache', readThrough)
  app.decorate('cacheBuckets', { shared: buckets, local: openBuckets(options) })
  app.decorate('cacheMembers', members)
  // Past the wrapper: that somebody asks for the health is no use of the cache.
  const askHealth = () => health.ask(store, () => readThrough.stats().feed)
  registerCacheMetrics(metrics, { registry })
  registerReadThroughMetrics(readThrough, { registry })
  new Gauge({
    name: 'dashtam_cache_up',
    help: 'Whether the cache answers: 1 or 0.',
    registers: [registry],
    async collect() {
      this.set((await askHealth()).cache === 'up' ? 1 : 0)
    }
  })
  addRoutes(app, { routes, checks, registry, health: askHealth })
}

/**
 * Gives the app a cache: `app.cache`, `app.cacheStore`, `app.cacheMetrics`, and the routes `/health`, `/health/ready` and
 * `/metrics`. It never keeps the app from starting for longer than `bootTimeoutMs`, and closes with it.
 */
export const fastifyCache = fp(plugin, { name: '@dashtam/fastify-cache', fastify: '5.x' })
export default fastifyCache
