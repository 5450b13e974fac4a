import { createCoarseClock } from './coarse-clock.ts'
import { createKeyHash } from './eviction/key-hash.ts'
import type { Segment } from './eviction/segment.ts'
import { type Evictable, WindowTinyLfu } from './eviction/window-tiny-lfu.ts'

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
  /**
   * Milliseconds that never go backwards.
   * @defaultValue `performance.now`, looked at once per turn of the event loop and every 32 readings
   */
  readonly clock?: () => number
  /**
   * What the hash of keys starts from, an integer of which 32 bits count. For tests that are to be repeated.
   * @defaultValue a random one, so that nobody can choose keys that are mistaken for each other
   */
  readonly seed?: number
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

class Entry<V> implements Evictable<Entry<V>> {
  // What a hit looks at comes first: it is in one line of the processor's cache.
  value: V
  epoch = 0
  uses = 0
  expiresAtMs: number
  readonly key: string
  readonly hash: number
  bytes: number
  segment: Segment<Entry<V>> | undefined = undefined
  older: Entry<V> | undefined = undefined
  newer: Entry<V> | undefined = undefined

  constructor(key: string, hash: number, value: V, bytes: number, expiresAtMs: number) {
    this.key = key
    this.hash = hash
    this.value = value
    this.bytes = bytes
    this.expiresAtMs = expiresAtMs
  }
}

/** How many other entries each write looks at, to drop the expired ones: enough to find them faster than they come. */
const SWEEP_PER_WRITE = 2

/**
 * A synchronous store in the memory of this process, bounded in entries *and* bytes. What leaves to make room is what
 * promises the fewest hits: what is rarely used, or has not been used for long, whichever serves this store better
 * (docs/decisions/0006); in a store of less than 16 entries the least recently used. What was set last stays until the
 * next `set`.
 *
 * Entries expire by the clock, without a timer; the memory of expired ones that nobody asks for is reclaimed by later
 * writes.
 */
export class BoundedStore<V> {
  readonly #entries = new Map<string, Entry<V>>()
  readonly #eviction: WindowTinyLfu<Entry<V>>
  readonly #hash: (key: string) => number
  readonly #maxBytes: number
  readonly #maxEntryBytes: number
  readonly #weigh: (value: V, key: string) => number
  readonly #clock: () => number
  readonly #onRemove: ((key: string, value: V, reason: RemovalReason) => void) | undefined
  #sweep: Iterator<Entry<V>> | undefined
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
    clock = createCoarseClock(),
    seed = randomSeed(),
    onRemove
  }: BoundedStoreOptions<V>) {
    for (const [name, bound] of Object.entries({ maxEntries, maxBytes, maxEntryBytes })) {
      if (!Number.isSafeInteger(bound) || bound < 1) {
        throw new TypeError(`${name} must be an integer of at least 1, got ${String(bound)}`)
      }
    }
    if (maxEntryBytes > maxBytes) {
      throw new TypeError(`maxEntryBytes must be at most maxBytes (${maxBytes}), got ${maxEntryBytes}`)
    }
    if (!Number.isSafeInteger(seed)) throw new TypeError(`seed must be an integer, got ${String(seed)}`)
    this.#eviction = new WindowTinyLfu(maxEntries, maxBytes)
    this.#hash = createKeyHash(seed)
    this.#maxBytes = maxBytes
    this.#maxEntryBytes = maxEntryBytes
    this.#weigh = weigh
    this.#clock = clock
    this.#onRemove = onRemove
  }

  /** The live value of `key`; `undefined` when there is none. Counts as a use. */
  get(key: string): V | undefined {
    const entry = this.#live(key)
    if (entry === undefined) {
      this.#misses++
      return undefined
    }
    this.#hits++
    this.#use(entry)
    return entry.value
  }

  /**
   * As `get`, also of an entry whose time is over, and not counted: for values that know their own time. Of an entry that
   * is not in the processor's cache each further field that is looked at takes about as long as the look-up itself.
   */
  use(key: string): V | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#use(entry)
    return entry.value
  }

  /** As `get`, but neither a use nor counted. */
  peek(key: string): V | undefined {
    return this.#live(key)?.value
  }

  /** How long `key` will live, in milliseconds: above 0; `Infinity` without expiry; `undefined` when absent. */
  remainingMs(key: string): number | undefined {
    const entry = this.#live(key)
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
    this.#sweepSome()
    const present = this.#entries.get(key)
    // Written so that NaN, from a `weigh` that forgets to answer, is refused too.
    if (!(bytes <= this.#maxEntryBytes)) {
      if (present !== undefined) this.#delete(present)
      this.#refusals++
      return false
    }
    const expiresAtMs = this.#clock() + ttlMs
    if (present !== undefined && this.#eviction.bytes - present.bytes + bytes <= this.#maxBytes) {
      present.value = value
      present.expiresAtMs = expiresAtMs
      this.#eviction.reweigh(present, bytes)
      this.#use(present)
    } else {
      // One that needs more room than there is comes in as a new one, since only the newest is sure not to make it.
      if (present !== undefined) this.#eviction.evict(present)
      this.#add(new Entry(key, present?.hash ?? this.#hash(key), value, bytes, expiresAtMs))
    }
    return true
  }

  /** Gives a live entry a new lifetime, counted from now; `false` when there is none. */
  expire(key: string, ttlMs: number): boolean {
    const entry = this.#live(key)
    if (entry === undefined) return false
    entry.expiresAtMs = this.#clock() + ttlMs
    return true
  }

  /** Deletes `key`; `false` when there was no live entry. */
  delete(key: string): boolean {
    const entry = this.#live(key)
    if (entry === undefined) return false
    this.#delete(entry)
    return true
  }

  clear(): void {
    this.#entries.clear()
    this.#eviction.clear()
    this.#sweep = undefined
  }

  /** The live keys at the moment of the call. */
  keys(): string[] {
    return [...this.#entries.keys()].filter(key => this.#live(key) !== undefined)
  }

  stats(): BoundedStoreStats {
    return {
      entries: this.#entries.size,
      bytes: this.#eviction.bytes,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      expirations: this.#expirations,
      refusals: this.#refusals
    }
  }

  #live(key: string): Entry<V> | undefined {
    const entry = this.#entries.get(key)
    // Without expiry the clock is not even looked at.
    if (entry === undefined || entry.expiresAtMs === Infinity || this.#clock() < entry.expiresAtMs) return entry
    this.#expired(entry)
    return undefined
  }

  #use(entry: Entry<V>): void {
    if (entry.epoch === this.#eviction.epoch) entry.uses++
    else this.#eviction.use(entry)
  }

  #add(entry: Entry<V>): void {
    this.#entries.set(entry.key, entry)
    this.#eviction.add(entry)
    for (let victim = this.#eviction.victim(); victim !== undefined; victim = this.#eviction.victim()) {
      this.#evict(victim)
    }
    this.#eviction.settle()
  }

  #evict(entry: Entry<V>): void {
    // What its time had removed was not pushed out by anybody.
    if (entry.expiresAtMs <= this.#clock()) return void this.#expired(entry)
    this.#entries.delete(entry.key)
    this.#eviction.evict(entry)
    this.#evictions++
    this.#onRemove?.(entry.key, entry.value, 'evicted')
  }

  #expired(entry: Entry<V>): void {
    this.#delete(entry)
    this.#expirations++
    this.#onRemove?.(entry.key, entry.value, 'expired')
  }

  #delete(entry: Entry<V>): void {
    this.#entries.delete(entry.key)
    this.#eviction.delete(entry)
  }

  #sweepSome(): void {
    const nowMs = this.#clock()
    for (let looked = 0; looked < SWEEP_PER_WRITE; looked++) {
      // A Map's iterator stays valid while the Map changes; it meets each entry that stays exactly once.
      this.#sweep ??= this.#entries.values()
      const { value: entry } = this.#sweep.next()
      if (entry === undefined) {
        this.#sweep = undefined
        return
      }
      if (entry.expiresAtMs <= nowMs) this.#expired(entry)
    }
  }
}

function randomSeed(): number {
  return crypto.getRandomValues(new Int32Array(1))[0] ?? 0
}
