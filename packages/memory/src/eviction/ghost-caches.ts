import type { Segment, Weighed } from './segment.ts'
import { SegmentedOrder } from './segmented-order.ts'

/** The windows to choose from: for frequency, for both, and nearly an LRU. The first is the one to begin with. */
const WINDOW_SHARES = [0.01, 0.4, 0.99] as const
/** What a period's hits still count for in the next one. */
const DECAY = 0.9
/** By so much another window has to be better, or chance would switch to and fro. */
const LEAD = 1.01
/** All keys are followed in a store of so many entries; of a larger one so many, and one in eight at least. */
const FULLY_SAMPLED_ENTRIES = 1_024
const SMALLEST_SAMPLE = 1 / 8

/** A key that is followed: an entry for each window, in no segment where the cache does not hold it. */
class GhostKey {
  hash = 0
  readonly entries = [new GhostEntry(this), new GhostEntry(this), new GhostEntry(this)] as const
  holders = 0
}

class GhostEntry implements Weighed<GhostEntry> {
  readonly key: GhostKey
  readonly bytes = 1
  segment: Segment<GhostEntry> | undefined = undefined
  older: GhostEntry | undefined = undefined
  newer: GhostEntry | undefined = undefined

  constructor(key: GhostKey) {
    this.key = key
  }
}

/** Which keys a cache would hold if its window had this size. */
interface GhostCache {
  readonly index: 0 | 1 | 2
  readonly windowShare: number
  readonly order: SegmentedOrder<GhostEntry>
  /** Hits, those of earlier periods counting less. */
  score: number
}

/**
 * Finds out which size of the window has the most hits, by running a cache of each size over a sample of the keys, without
 * values: the "mini-simulation" of "Adaptive Software Cache Management" (Middleware 2018).
 */
export class GhostCaches {
  readonly #keys = new Map<number, GhostKey>()
  /** Kept to be used again: nothing is allocated once the caches are full. */
  readonly #unused: GhostKey[] = []
  readonly #caches: readonly GhostCache[]
  #chosen: GhostCache
  /** Keys whose hash, taken as unsigned, is below this are followed. */
  #sampledBelow = 0
  /** How many of the sampled keys a cache holds. */
  #sampledCapacity = 0
  #capacity = 0
  #accesses = 0

  /** @param frequency - How often the key of a hash was used lately. */
  constructor(frequency: (hash: number) => number) {
    const cacheOf = (index: 0 | 1 | 2): GhostCache => ({
      index,
      windowShare: WINDOW_SHARES[index],
      order: new SegmentedOrder(entry => frequency(entry.key.hash)),
      score: 0
    })
    this.#chosen = cacheOf(0)
    this.#caches = [this.#chosen, cacheOf(1), cacheOf(2)]
  }

  /** The share of the capacity that the best window has, as far as is known. */
  get windowShare(): number {
    return this.#chosen.windowShare
  }

  /** Says how many entries fit in the cache that is simulated. */
  resize(capacity: number): void {
    if (capacity === this.#capacity) return
    const sample = Math.min(1, Math.max(SMALLEST_SAMPLE, FULLY_SAMPLED_ENTRIES / capacity))
    this.#capacity = capacity
    this.#sampledBelow = sample * 2 ** 32
    this.#sampledCapacity = Math.max(1, Math.round(capacity * sample))
    for (const { order, windowShare } of this.#caches) order.resize(this.#sampledCapacity, Infinity, windowShare)
  }

  access(hash: number): void {
    if (this.#isSampled(hash)) this.#accessSampled(hash)
    if (++this.#accesses >= this.#capacity) this.#choose()
  }

  /** Drops a key that nobody evicted: the next access to it is a miss, whatever the window. */
  forget(hash: number): void {
    const key = this.#isSampled(hash) ? this.#keys.get(hash) : undefined
    if (key === undefined) return
    for (const entry of key.entries) entry.segment?.remove(entry)
    this.#drop(key)
  }

  #isSampled(hash: number): boolean {
    return hash >>> 0 < this.#sampledBelow
  }

  #accessSampled(hash: number): void {
    let key = this.#keys.get(hash)
    if (key === undefined) {
      key = this.#unused.pop() ?? new GhostKey()
      key.hash = hash
      this.#keys.set(hash, key)
    }
    for (const cache of this.#caches) {
      const entry = key.entries[cache.index]
      if (entry.segment === undefined) {
        this.#addTo(cache.order, entry)
      } else {
        cache.score++
        cache.order.use(entry)
      }
    }
  }

  #addTo(order: SegmentedOrder<GhostEntry>, entry: GhostEntry): void {
    order.add(entry)
    entry.key.holders++
    while (order.entries > this.#sampledCapacity) {
      const victim = order.victim(0)
      if (victim === undefined) break
      order.remove(victim)
      if (--victim.key.holders === 0) this.#drop(victim.key)
    }
    order.settle()
  }

  #drop(key: GhostKey): void {
    this.#keys.delete(key.hash)
    key.holders = 0
    this.#unused.push(key)
  }

  #choose(): void {
    this.#accesses = 0
    let best = this.#chosen
    for (const cache of this.#caches) if (cache.score > best.score) best = cache
    if (best.score > this.#chosen.score * LEAD) this.#chosen = best
    for (const cache of this.#caches) cache.score *= DECAY
  }
}
