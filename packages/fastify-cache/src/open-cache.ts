import { setTimeout as sleep } from 'node:timers/promises'
import { InMemoryCache, MemoryMemberIndex, MemoryTokenBucket } from '@dashtam/cache-memory'
import type { CacheProtocol, FencedStore, InvalidationFeed, MemberIndex, TokenBucket } from '@dashtam/cache-protocol'
import { createReadThrough, type ReadThroughCache } from '@dashtam/cache-tiered'
import type { FastifyInstance } from 'fastify'
import type { HealthTracker } from './health.ts'
import type { FastifyCacheOptions, RedisOptions } from './options.ts'

export interface OpenCache {
  readonly store: CacheProtocol
  readonly readThrough: ReadThroughCache
  /** Those that the fleet shares. */
  readonly buckets: TokenBucket
  readonly members: MemberIndex
}

const DEFAULT_KEYSPACE = 'dashtam'
const LOOK_EVERY_MS = 5

/** Opens the port and the engine where the options say, to be closed with the app; what was handed in is not. */
export async function openCache(
  app: FastifyInstance,
  options: FastifyCacheOptions,
  health: HealthTracker
): Promise<OpenCache> {
  if (options.redis !== undefined) return openOnRedis(app, options, options.redis, health)
  return {
    store: options.store ?? openInMemory(app, options),
    readThrough: openReadThrough(app, options),
    buckets: openBuckets(options),
    members: new MemoryMemberIndex(namesOf(options))
  }
}

async function openOnRedis(
  app: FastifyInstance,
  options: FastifyCacheOptions,
  redis: RedisOptions,
  health: HealthTracker
): Promise<OpenCache> {
  // An app that caches in memory does not load a Redis client.
  const { DEFAULT_BOOT_TIMEOUT_MS, fastifyRedisCache } = await import('@dashtam/cache-redis/fastify')
  const { bootTimeoutMs = DEFAULT_BOOT_TIMEOUT_MS } = redis
  const deadlineMs = performance.now() + bootTimeoutMs
  await app.register(fastifyRedisCache, {
    ...redis,
    ...portOptions(options),
    onStateChange: ({ reason }) => health.observe(reason)
  })
  const backend = app.redisCache.readThroughBackend(options.readThrough)
  // After the adapter, for hooks run from the last to the first.
  const readThrough = openReadThrough(app, options, backend)
  await untilTrusted(backend.feed, deadlineMs)
  const { redisCache } = app
  return { store: redisCache, readThrough, buckets: redisCache.tokenBucket(), members: redisCache.memberIndex() }
}

/** The buckets of this process. */
export function openBuckets(options: FastifyCacheOptions): TokenBucket {
  return new MemoryTokenBucket(namesOf(options))
}

function openInMemory(app: FastifyInstance, options: FastifyCacheOptions): CacheProtocol {
  const cache = new InMemoryCache({ ...options.memory, ...portOptions(options) })
  app.addHook('onClose', async () => {
    await cache.close()
  })
  return cache
}

function openReadThrough(
  app: FastifyInstance,
  { keyspace = DEFAULT_KEYSPACE, ttlSeconds, readThrough }: FastifyCacheOptions,
  backend?: { readonly store: FencedStore; readonly feed: InvalidationFeed }
): ReadThroughCache {
  const common = { keyspace, ...(ttlSeconds !== undefined && { ttlSeconds }) }
  const cache = createReadThrough({ ...readThrough, ...backend, ...common })
  app.addHook('onClose', async () => {
    await cache.close()
  })
  return cache
}

function portOptions(options: FastifyCacheOptions) {
  const { ttlSeconds } = options
  return { ...namesOf(options), ...(ttlSeconds !== undefined && { ttlSeconds }) }
}

function namesOf({ keyspace = DEFAULT_KEYSPACE, familyOf }: FastifyCacheOptions) {
  return { keyspace, ...(familyOf && { familyOf }) }
}

/** A few round trips, so that the first requests find the memory in use. */
async function untilTrusted(feed: InvalidationFeed, deadlineMs: number): Promise<void> {
  while (!feed.stats().isTrusted && performance.now() < deadlineMs) await sleep(LOOK_EVERY_MS)
}
