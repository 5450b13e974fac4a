import { FrequencySketch } from './frequency-sketch.ts'
import { GhostCaches } from './ghost-caches.ts'
import type { Weighed } from './segment.ts'
import { SegmentedOrder } from './segmented-order.ts'

/** What the policy must know of an entry. */
export interface Evictable<Self extends Evictable<Self>> extends Weighed<Self> {
  readonly hash: number
  /** The epoch in which it was last moved. */
  epoch: number
  /** How often it was used since it was last moved. */
  uses: number
}

/** An epoch is over when so large a part of the entries is new. */
const EPOCHS_PER_TURNOVER = 8
/** A smaller store than this is a plain LRU: chance would rule its segments. */
const SMALLEST_SEGMENTED = 16

/**
 * W-TinyLFU with a window whose size is chosen by simulation: who has to leave a store that is bounded in entries and in
 * bytes. It knows the order of the entries and how often keys were used; the entries themselves are somebody else's.
 *
 * A hit is cheap because entries move once per *epoch*, an eighth of the store's turnover: a second use in the same
 * epoch is counted in the entry (`uses`), by the owner, and gets into the sketch when the entry moves or leaves. In a
 * store that nothing new comes to, no hit moves anything.
 */
export class WindowTinyLfu<Entry extends Evictable<Entry>> {
  /** An entry of this epoch needs no {@link use}: its `uses` are counted up instead. */
  epoch = 0
  readonly #maxEntries: number
  readonly #maxBytes: number
  readonly #sketch = new FrequencySketch()
  readonly #order = new SegmentedOrder<Entry>(entry => this.#frequencyOf(entry))
  readonly #ghosts = new GhostCaches(hash => this.#sketch.estimate(hash))
  #isPlainLru = false
  #addedInEpoch = 0

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
  }

  /** Puts a new entry in front. */
  add(entry: Entry): void {
    this.#order.add(entry)
    this.#moved(entry)
    this.#addedInEpoch++
    if (this.#isPlainLru || this.#addedInEpoch * EPOCHS_PER_TURNOVER >= this.#order.entries) this.#beginEpoch()
  }

  /** Moves an entry that is used for the first time in this epoch. */
  use(entry: Entry): void {
    this.#order.use(entry)
    // Each step is an epoch of its own there, and the order exact.
    if (this.#isPlainLru) this.epoch = nextEpoch(this.epoch)
    this.#moved(entry)
  }

  /** Forgets an entry that was deleted or whose time was over. */
  delete(entry: Entry): void {
    this.evict(entry)
    this.#ghosts.forget(entry.hash)
  }

  /** Forgets an entry that had to leave. */
  evict(entry: Entry): void {
    this.#order.remove(entry)
    this.#countUses(entry)
  }

  /** What was learnt about keys outlives the entries. */
  clear(): void {
    this.#order.clear()
  }

  get bytes(): number {
    return this.#order.bytes
  }

  /** Says that an entry has another weight now. */
  reweigh(entry: Entry, bytes: number): void {
    if (entry.segment !== undefined) entry.segment.bytes += bytes - entry.bytes
    entry.bytes = bytes
  }

  /** Who has to leave, as long as there are too many entries or bytes; never the entry that was added last. */
  victim(): Entry | undefined {
    const { entries, bytes } = this.#order
    if (entries <= this.#maxEntries && bytes <= this.#maxBytes) return undefined
    return this.#order.victim(Math.max(0, bytes - this.#maxBytes))
  }

  /** To be called when nobody has to leave any more. */
  settle(): void {
    this.#order.settle()
  }

  #frequencyOf(entry: Entry): number {
    this.#countUses(entry)
    return this.#sketch.estimate(entry.hash)
  }

  #countUses(entry: Entry): void {
    if (entry.uses === 0) return
    this.#sketch.add(entry.hash, entry.uses)
    entry.uses = 0
  }

  #moved(entry: Entry): void {
    entry.uses++
    this.#countUses(entry)
    entry.epoch = this.epoch
    this.#ghosts.access(entry.hash)
  }

  #beginEpoch(): void {
    this.epoch = nextEpoch(this.epoch)
    this.#addedInEpoch = 0
    const { entries, bytes } = this.#order
    // What the store would hold if all its entries were like those that it holds now.
    const capacity = Math.max(1, Math.min(this.#maxEntries, Math.round((this.#maxBytes / bytes) * entries)))
    this.#isPlainLru = capacity < SMALLEST_SEGMENTED
    this.#sketch.resize(Math.min(entries, capacity), capacity)
    this.#ghosts.resize(capacity)
    this.#order.resize(this.#maxEntries, this.#maxBytes, this.#isPlainLru ? 1 : this.#ghosts.windowShare)
  }
}

/** Kept to 32 bits, so that it stays a small integer for V8; only equality counts. */
function nextEpoch(epoch: number): number {
  return (epoch + 1) | 0
}
