import fastifyRedis from '@fastify/redis'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { Cluster, Redis } from 'ioredis'
import { CLIENT_OPTIONS, createRedisClient, type RedisClientOptions } from './client.ts'
import { closeClient } from './close-client.ts'
import { RedisAdapter, type RedisAdapterOptions } from './redis-adapter.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The Redis adapter of `@dashtam/cache-redis/fastify`. */
    redisCache: RedisAdapter
  }
}

/**
 * What `RedisAdapter` takes, and where Redis is. Say `url`, `cluster` or `sentinels` and the plugin makes a client with
 * the presets of a cache and registers it with `@fastify/redis` as `app.redis`; say none and it uses the app's own
 * `app.redis`, which must be registered before.
 */
export type RedisCachePluginOptions = Omit<RedisAdapterOptions, 'client' | 'closesClient' | 'logger'> & {
  /**
   * How long the start of the app may wait for Redis, in milliseconds, 0 or more. After that it goes on without, and
   * the cache comes alive by itself when Redis does.
   * @defaultValue 1000
   */
  readonly bootTimeoutMs?: number
} & (RedisClientOptions | { readonly url?: never; readonly cluster?: never; readonly sentinels?: never })

/** The default of `bootTimeoutMs`. */
export const DEFAULT_BOOT_TIMEOUT_MS = 1_000
const CLOSE_TIMEOUT_MS = 500

const plugin: FastifyPluginAsync<RedisCachePluginOptions> = async (app, options) => {
  const { bootTimeoutMs = DEFAULT_BOOT_TIMEOUT_MS, ...rest } = options
  if (!Number.isFinite(bootTimeoutMs) || bootTimeoutMs < 0) {
    throw new TypeError(`bootTimeoutMs must be a number of at least 0, got ${String(bootTimeoutMs)}`)
  }
  const given = Object.entries(rest).filter(([, value]) => value !== undefined)
  const clientOptions = Object.fromEntries(given.filter(([name]) => CLIENT_OPTIONS.has(name)))
  const adapterOptions = Object.fromEntries(given.filter(([name]) => !CLIENT_OPTIONS.has(name)))
  const isOurs = Object.keys(clientOptions).length > 0
  const client = isOurs ? createRedisClient(clientOptions as RedisClientOptions) : clientOf(app)
  const adapter = openAdapter(app, client, isOurs, adapterOptions as typeof rest)
  app.addHook('onClose', async () => {
    await adapter.close()
    if (isOurs) await closeClient(client, CLOSE_TIMEOUT_MS)
  })
  if (isOurs) {
    await untilReady(client, bootTimeoutMs)
    await registerClient(app, client)
  }
  app.decorate('redisCache', adapter)
}

/** Makes the Redis adapter `app.redisCache`, and closes it with the app. */
export const fastifyRedisCache = fp(plugin, { name: '@dashtam/cache-redis', fastify: '5.x' })
export default fastifyRedisCache

/** A client that nobody will use any more must not go on connecting. */
function openAdapter(
  app: FastifyInstance,
  client: Redis | Cluster,
  isOurs: boolean,
  options: Omit<RedisAdapterOptions, 'client'>
): RedisAdapter {
  try {
    return new RedisAdapter({ ...options, client, logger: app.log })
  } catch (error) {
    if (isOurs) client.disconnect()
    throw error
  }
}

function clientOf(app: FastifyInstance): Redis {
  const client: unknown = app.hasDecorator('redis') ? app.redis : undefined
  if (!(typeof client === 'object' && client !== null && 'status' in client)) {
    throw new Error(
      '@dashtam/cache-redis needs `url`, `cluster` or `sentinels`, or @fastify/redis registered before it'
    )
  }
  return client as Redis
}

function untilReady(client: Redis | Cluster, timeoutMs: number): Promise<void> {
  if (client.status === 'ready') return Promise.resolve()
  return new Promise(resolve => {
    const timer = setTimeout(done, timeoutMs)
    function done() {
      clearTimeout(timer)
      client.off('ready', done)
      resolve()
    }
    client.on('ready', done)
  })
}

/**
 * @fastify/redis waits for a client's `ready` without a bound, and quits one that meets an error meanwhile. The wait is
 * over by now, so its listener is called as soon as it listens. To be deleted when it can be told not to wait.
 */
async function registerClient(app: FastifyInstance, client: Redis | Cluster): Promise<void> {
  const release = (event: string, listener: () => void) => {
    if (event === 'ready') process.nextTick(listener)
  }
  if (client.status !== 'ready') client.on('newListener', release)
  try {
    await app.register(fastifyRedis, { client: client as Redis })
  } finally {
    client.off('newListener', release)
  }
}
