import { type CacheProtocol, type JsonValue, ok, type Result } from '@dashtam/cache-protocol'

/** What the cache had to do with an answer: it gave it, it had nothing, or it could not be asked. */
export type CacheOutcome = 'hit' | 'miss' | 'error'

export interface Served<T> {
  readonly value: T
  readonly cache: CacheOutcome
}

export interface CachedRead<T> {
  readonly key: string
  readonly ttlSeconds: number
  /** Whether what was found is a value that today's code understands; anything else is loaded anew and replaced. */
  readonly accepts: (found: unknown) => found is NonNullable<T>
  /** Asks the source of truth; that it has nothing (`undefined`) is not cached. */
  readonly load: () => Promise<T>
}

/**
 * The cache-aside pattern over the port: look in the cache, else load and populate; after a write, delete.
 * Whatever happens to the cache, the source of truth answers.
 *
 * Between a write and a read of this process nothing stale is served. A second process may still store what it loaded
 * just before the write; that copy lives for its TTL at most.
 */
export class CacheAside {
  readonly #cache: CacheProtocol
  #invalidations = 0
  /** Keys whose deletion the cache has not acknowledged, with the invalidation that wants it. */
  readonly #owed = new Map<string, number>()

  constructor(cache: CacheProtocol) {
    this.#cache = cache
  }

  async read<T>({ key, ttlSeconds, accepts, load }: CachedRead<T>): Promise<Served<T>> {
    const found = await this.#lookUp(key)
    if (found.ok && accepts(found.value)) return { value: found.value, cache: 'hit' }

    const invalidations = this.#invalidations
    const value = await load()
    if (!isReplaceable(found)) return { value, cache: 'error' }

    // What was loaded before a write must not be stored after its invalidation.
    const isCurrent = invalidations === this.#invalidations
    if (isCurrent && value !== undefined && value !== null) {
      // Not awaited: the caller need not wait for the cache, and a failure is in its metrics.
      void this.#cache.setJson(key, value, { ttlSeconds })
    }
    return { value, cache: 'miss' }
  }

  /** To be awaited after a write and before it is acknowledged. Never fails: what the cache misses is owed to it. */
  async invalidate(keys: readonly string[]): Promise<void> {
    this.#invalidations += 1
    const invalidation = this.#invalidations
    for (const key of keys) this.#owed.set(key, invalidation)
    const deleted = await this.#cache.deleteMany(keys)
    if (deleted.ok) for (const key of keys) this.#settle(key, invalidation)
  }

  /** A key that was not deleted when it should have been is deleted before it is trusted again. */
  async #lookUp(key: string): Promise<Result<JsonValue | undefined>> {
    const owed = this.#owed.get(key)
    if (owed === undefined) return this.#cache.getJson(key)
    const deleted = await this.#cache.delete(key)
    if (!deleted.ok) return deleted
    this.#settle(key, owed)
    return ok(undefined)
  }

  #settle(key: string, invalidation: number): void {
    if (this.#owed.get(key) === invalidation) this.#owed.delete(key)
  }
}

/** Nothing there, or nothing that anybody could use. After any other failure the cache is left alone. */
function isReplaceable(found: Result<unknown>): boolean {
  return found.ok || found.error.code === 'CACHE_JSON_ERROR'
}
