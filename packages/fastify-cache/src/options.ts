import type { InMemoryCacheOptions } from '@dashtam/cache-memory'
import type { CacheProtocol } from '@dashtam/cache-protocol'
import type { RedisCachePluginOptions } from '@dashtam/cache-redis/fastify'
import type { ReadThroughOptions as EngineOptions } from '@dashtam/cache-tiered'
import type { Registry } from 'prom-client'
import type { ReadinessCheck } from './readiness.ts'

/** Where the plugin's routes are; `false` leaves one out. */
export interface CacheRoutes {
  /** @defaultValue `'/health'` */
  readonly health?: string | false
  /** @defaultValue `'/health/ready'` */
  readonly ready?: string | false
  /** @defaultValue `'/metrics'` */
  readonly metrics?: string | false
}

interface CommonOptions {
  /**
   * The first segment of every key, the same that was said to `defineKeys`: 1 to 64 of `A-Z a-z 0-9 _ . -`.
   * @defaultValue `'dashtam'`
   */
  readonly keyspace?: string
  /** Names the family of a key, for metrics and errors: `keys.familyOf`. Without it all count as `'default'`. */
  readonly familyOf?: (key: string) => string | undefined
  /** Lifetime of what is stored without one, in seconds, above 0. @defaultValue 3600 */
  readonly ttlSeconds?: number
  /** How `app.cache` works. */
  readonly readThrough?: ReadThroughOptions
  /** What the app cannot do without, by name, such as `{ database: () => sql('select 1') }`. @defaultValue none */
  readonly checks?: Readonly<Record<string, ReadinessCheck>>
  readonly routes?: CacheRoutes
  /** Where the metrics are registered. @defaultValue a registry of the plugin's own */
  readonly registry?: Registry
}

type PortOptions = 'keyspace' | 'familyOf' | 'ttlSeconds'
// Omit over a union would drop what tells its members apart.
type OmitEach<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/** How to reach Redis; `{}` stands for the app's own `app.redis`. */
export type RedisOptions = OmitEach<RedisCachePluginOptions, PortOptions | 'onStateChange'>
/** The bounds of a cache in the memory of this process. */
export type MemoryOptions = Omit<InMemoryCacheOptions, PortOptions>
/**
 * What `createReadThrough` takes: the bounds of its memory, `heartbeatMs`, `leaseMs`, `degradedSeconds`, `failover` …
 * With `redis` the store and feed are Redis'. Otherwise those that are said here, and without any `app.cache` keeps its
 * values in the memory of this process, and tells no other of an invalidation.
 */
export type ReadThroughOptions = OmitEach<EngineOptions, 'keyspace' | 'ttlSeconds'>
type ReadThroughWithoutStore = ReadThroughOptions & { readonly store?: never; readonly feed?: never }

/** At most one of `redis`, `memory` and `store` says where the cache is; without any it is in memory. */
export type FastifyCacheOptions = CommonOptions &
  (
    | {
        readonly redis: RedisOptions
        readonly readThrough?: ReadThroughWithoutStore
        readonly memory?: never
        readonly store?: never
      }
    | { readonly memory?: MemoryOptions; readonly redis?: never; readonly store?: never }
    | {
        /** An adapter of the app's own. Whoever made it closes it. */
        readonly store: CacheProtocol
        readonly redis?: never
        readonly memory?: never
      }
  )

const KNOWN = new Set([
  'keyspace',
  'familyOf',
  'ttlSeconds',
  'checks',
  'routes',
  'registry',
  'readThrough',
  'redis',
  'memory',
  'store'
])
const KNOWN_ROUTES = new Set(['health', 'ready', 'metrics'])

/** Said once, beside `readThrough`. */
const SAID_OUTSIDE = ['keyspace', 'ttlSeconds']

/** @throws TypeError that names an option that nobody knows, a route that is no path, or a contradiction. */
export function checkOptions(options: FastifyCacheOptions): void {
  // Fastify adds `prefix` and the like to what register() was given; those are its own.
  const own = Object.keys(options).filter(name => !FASTIFY_OPTIONS.has(name))
  const unknown = own.find(name => !KNOWN.has(name))
  if (unknown !== undefined) throw new TypeError(`unknown option '${unknown}'; known are ${[...KNOWN].join(', ')}`)
  const places = ['redis', 'memory', 'store'].filter(name => options[name as keyof FastifyCacheOptions] !== undefined)
  if (places.length > 1) throw new TypeError(`the cache can be in one place only, got ${places.join(' and ')}`)
  const redis: unknown = options.redis
  if (redis !== undefined && (typeof redis !== 'object' || redis === null)) {
    throw new TypeError(`redis must be an object, as in { url }; got ${redis === null ? 'null' : typeof redis}`)
  }
  checkReadThrough(options)
  if (options.store !== undefined && typeof options.store?.get !== 'function') {
    throw new TypeError('store must be an adapter of the cache port')
  }
  for (const [name, check] of Object.entries(options.checks ?? {})) {
    if (typeof check !== 'function') throw new TypeError(`checks.${name} must be a function, got ${typeof check}`)
  }
  for (const [name, path] of Object.entries(options.routes ?? {})) {
    if (!KNOWN_ROUTES.has(name)) {
      throw new TypeError(`unknown route '${name}'; known are ${[...KNOWN_ROUTES].join(', ')}`)
    }
    if (path !== undefined && path !== false && !(typeof path === 'string' && path.startsWith('/'))) {
      throw new TypeError(`routes.${name} must be a path that begins with '/', or false; got ${JSON.stringify(path)}`)
    }
  }
}

const FASTIFY_OPTIONS = new Set(['prefix', 'logLevel', 'logSerializers'])

function checkReadThrough({ readThrough, redis }: FastifyCacheOptions): void {
  if (readThrough === undefined) return
  if (typeof readThrough !== 'object' || readThrough === null) {
    throw new TypeError(`readThrough must be an object, got ${readThrough === null ? 'null' : typeof readThrough}`)
  }
  const misplaced = SAID_OUTSIDE.find(name => name in readThrough)
  if (misplaced !== undefined) throw new TypeError(`${misplaced} is said once, beside readThrough`)
  if (redis !== undefined && (readThrough.store ?? readThrough.feed) !== undefined) {
    throw new TypeError('the cache can be in one place only, got redis and readThrough.store')
  }
}
