import { LRUCache } from 'lru-cache'

/** Why an entry left the store without having been deleted or replaced. */
export type RemovalReason = 'evicted' | 'expired'

export interface BoundedStoreOptions<V> {
  /** The most entries held, an integer of at least 1. */
  readonly maxEntries: number
  /** The most bytes held, as `weigh` counts them; an integer of at least 1. */
  readonly maxBytes: number
  /** What an entry weighs, in bytes: an integer of at least 1. */
  readonly weigh: (value: V, key: string) => number
  /**
   * The largest entry accepted, in bytes; a larger one is refused, so that it cannot evict everything else.
   * @defaultValue an eighth of `maxBytes`
   */
  readonly maxEntryBytes?: number
  /** Milliseconds that never go backwards. @defaultValue `performance.now` */
  readonly clock?: () => number
  /** Told of every entry that left to make room or because its time was over. Must not throw. */
  readonly onRemove?: (key: string, value: V, reason: RemovalReason) => void
}

/** What a store holds and has done since it was made. */
export interface BoundedStoreStats {
  readonly entries: number
  readonly bytes: number
  readonly hits: number
  readonly misses: number
  readonly evictions: number
  readonly expirations: number
  /** Entries that were too large to be let in. */
  readonly refusals: number
}

interface Entry<V> {
  readonly value: V
  readonly bytes: number
  expiresAtMs: number
}

/** How many other entries each write looks at, to drop the expired ones: enough to find them faster than they come. */
const SWEEP_PER_WRITE = 2

/**
 * A synchronous store in the memory of this process, bounded in entries *and* bytes. Entries expire by the clock, to
 * the millisecond, without a timer; the memory of expired ones that nobody asks for is reclaimed by later writes.
 */
export class BoundedStore<V> {
  readonly #lru: LRUCache<string, Entry<V>>
  readonly #weigh: (value: V, key: string) => number
  readonly #maxEntryBytes: number
  readonly #clock: () => number
  readonly #onRemove: ((key: string, value: V, reason: RemovalReason) => void) | undefined
  #sweep: Iterator<string> | undefined
  #hits = 0
  #misses = 0
  #evictions = 0
  #expirations = 0
  #refusals = 0

  /** @throws TypeError when a bound is not an integer of at least 1. */
  constructor({
    maxEntries,
    maxBytes,
    weigh,
    maxEntryBytes = Math.max(1, Math.floor(maxBytes / 8)),
    clock = () => performance.now(),
    onRemove
  }: BoundedStoreOptions<V>) {
    for (const [name, bound] of Object.entries({ maxEntries, maxBytes, maxEntryBytes })) {
      if (!Number.isSafeInteger(bound) || bound < 1) {
        throw new TypeError(`${name} must be an integer of at least 1, got ${String(bound)}`)
      }
    }
    this.#weigh = weigh
    this.#maxEntryBytes = maxEntryBytes
    this.#clock = clock
    this.#onRemove = onRemove
    this.#lru = new LRUCache({
      max: maxEntries,
      maxSize: maxBytes,
      sizeCalculation: entry => entry.bytes,
      dispose: (entry, key, reason) => {
        if (reason === 'evict') this.#evicted(key, entry)
      }
    })
  }

  /** The live value of `key`; `undefined` when there is none. Counts as a use. */
  get(key: string): V | undefined {
    const entry = this.#lru.get(key)
    if (entry !== undefined && this.#isLive(key, entry)) {
      this.#hits++
      return entry.value
    }
    this.#misses++
    return undefined
  }

  /** As `get`, but neither a use nor counted. */
  peek(key: string): V | undefined {
    return this.#peekEntry(key)?.value
  }

  /** How long `key` will live, in milliseconds: above 0; `Infinity` without expiry; `undefined` when absent. */
  remainingMs(key: string): number | undefined {
    const entry = this.#peekEntry(key)
    return entry === undefined ? undefined : entry.expiresAtMs - this.#clock()
  }

  /**
   * Stores `value`, replacing what is there.
   *
   * @param ttlMs - Lifetime in milliseconds, above 0; `Infinity` never expires.
   * @returns `false` when the entry is larger than `maxEntryBytes`; the old value is then gone too.
   */
  set(key: string, value: V, ttlMs: number): boolean {
    const bytes = this.#weigh(value, key)
    if (bytes > this.#maxEntryBytes) {
      this.#refusals++
      this.#lru.delete(key)
      return false
    }
    this.#lru.set(key, { value, bytes, expiresAtMs: this.#clock() + ttlMs })
    this.#sweepSome()
    return true
  }

  /** Gives a live entry a new lifetime, counted from now; `false` when there is none. */
  expire(key: string, ttlMs: number): boolean {
    const entry = this.#peekEntry(key)
    if (entry === undefined) return false
    entry.expiresAtMs = this.#clock() + ttlMs
    return true
  }

  /** Deletes `key`; `false` when there was no live entry. */
  delete(key: string): boolean {
    return this.#peekEntry(key) !== undefined && this.#lru.delete(key)
  }

  clear(): void {
    this.#lru.clear()
  }

  /** The live keys at the moment of the call. */
  keys(): string[] {
    return [...this.#lru.keys()].filter(key => this.#peekEntry(key) !== undefined)
  }

  stats(): BoundedStoreStats {
    return {
      entries: this.#lru.size,
      bytes: this.#lru.calculatedSize,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      expirations: this.#expirations,
      refusals: this.#refusals
    }
  }

  #peekEntry(key: string): Entry<V> | undefined {
    const entry = this.#lru.peek(key)
    return entry !== undefined && this.#isLive(key, entry) ? entry : undefined
  }

  #isLive(key: string, entry: Entry<V>): boolean {
    if (entry.expiresAtMs === Infinity || this.#clock() < entry.expiresAtMs) return true
    this.#lru.delete(key)
    this.#expired(key, entry)
    return false
  }

  #evicted(key: string, entry: Entry<V>): void {
    // What its time had already removed was not pushed out by anybody.
    if (entry.expiresAtMs <= this.#clock()) {
      this.#expired(key, entry)
    } else {
      this.#evictions++
      this.#onRemove?.(key, entry.value, 'evicted')
    }
  }

  #expired(key: string, entry: Entry<V>): void {
    this.#expirations++
    this.#onRemove?.(key, entry.value, 'expired')
  }

  #sweepSome(): void {
    for (let looked = 0; looked < SWEEP_PER_WRITE; looked++) {
      this.#sweep ??= this.#lru.rkeys()
      const next = this.#sweep.next()
      if (next.done) {
        this.#sweep = undefined
        return
      }
      this.#peekEntry(next.value)
    }
  }
}
