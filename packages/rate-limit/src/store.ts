import type { TokenBucket } from '@dashtam/cache-protocol'

export interface TokenBucketStoreOptions {
  /** The buckets that the fleet shares. */
  readonly buckets: TokenBucket
  /** The key of a bucket, from what the plugin's `keyGenerator` says and the route, if it has a limit of its own. */
  readonly keyOf: (key: string, endpoint: string | undefined) => string
}

/** What `@fastify/rate-limit` wants to know. */
interface Count {
  /** More than the maximum: refused. */
  readonly current: number
  /** How long until there is more, in milliseconds. */
  readonly ttl: number
}

type Callback = (error: Error | null, count?: Count) => void

/** The part of a store that `@fastify/rate-limit` 11 uses. */
export interface TokenBucketStore {
  incr(key: string, callback: Callback, timeWindowMs: number, max: number): void
  read(key: string, callback: Callback, timeWindowMs: number, max: number): void
  child(route: { readonly routeInfo?: { readonly method?: unknown; readonly url?: string } }): TokenBucketStore
}

/**
 * Makes the `store` of `@fastify/rate-limit`: its limits become token buckets, `max` tokens that come back within
 * `timeWindow`. A fault of the buckets is handed to the plugin, whose `skipOnError` says what it means.
 */
export function tokenBucketStore({ buckets, keyOf }: TokenBucketStoreOptions): new () => TokenBucketStore {
  class Store implements TokenBucketStore {
    readonly #endpoint: string | undefined

    constructor(endpoint?: string) {
      // As the store of everything it is handed the options of the plugin.
      this.#endpoint = typeof endpoint === 'string' ? endpoint : undefined
    }

    incr(key: string, callback: Callback, timeWindowMs: number, max: number): void {
      this.#tell('take', key, callback, timeWindowMs, max)
    }

    read(key: string, callback: Callback, timeWindowMs: number, max: number): void {
      this.#tell('peek', key, callback, timeWindowMs, max)
    }

    child({ routeInfo }: Parameters<TokenBucketStore['child']>[0]): TokenBucketStore {
      return new Store(`${String(routeInfo?.method)} ${routeInfo?.url}`)
    }

    #tell(what: 'take' | 'peek', key: string, callback: Callback, timeWindowMs: number, max: number): void {
      const limit = { capacity: max, refillSeconds: timeWindowMs / 1_000 }
      void buckets[what](keyOf(key, this.#endpoint), limit).then(result => {
        if (!result.ok) return callback(new Error(`${result.error.code}: ${result.error.message}`))
        const { isAllowed, remaining, retryAfterMs, fullAfterMs } = result.value
        if (!isAllowed && what === 'take') return callback(null, { current: max + 1, ttl: retryAfterMs })
        return callback(null, { current: max - remaining, ttl: fullAfterMs })
      })
    }
  }
  return Store
}
