import { Segment, type Weighed } from './segment.ts'

/** Of what the window leaves, so much is for entries that were used again; as in "Adaptive Software Cache Management". */
const PROTECTED_SHARE = 0.8
/** So many entries change their segment per call when the window has a new size: no write pays for the whole change. */
const MOVES_PER_CALL = 8
/**
 * A candidate used so often that loses all the same sends the winner to the back of the queue: a key that is never used
 * again but shares its counters with popular ones, by chance or by design, must not keep everybody out. (The number is
 * Caffeine's, which lets such a candidate in at random.)
 */
const WARM = 6
/** After so many entries that would have to leave for a candidate the rest are taken to be like them. */
const LOOKED_AT = 16

/**
 * The order in which entries leave under W-TinyLFU: new ones pass through a *window*, whose oldest has to be used more
 * often than the oldest of *probation* to get there; what is used there is *protected*.
 *
 * It moves entries and names victims; their owner removes them, until everything fits.
 */
export class SegmentedOrder<Entry extends Weighed<Entry>> {
  readonly #window = new Segment<Entry>()
  readonly #probation = new Segment<Entry>()
  readonly #protected = new Segment<Entry>()
  readonly #frequency: (entry: Entry) => number
  #windowEntries = 1
  #windowBytes = 0
  #protectedEntries = 0
  #protectedBytes = 0

  /** @param frequency - How often an entry was used lately. */
  constructor(frequency: (entry: Entry) => number) {
    this.#frequency = frequency
  }

  get entries(): number {
    return this.#window.entries + this.#probation.entries + this.#protected.entries
  }

  get bytes(): number {
    return this.#window.bytes + this.#probation.bytes + this.#protected.bytes
  }

  /** Sets how much fits in all, and the share of it that the window has: 1 makes it a plain LRU. */
  resize(maxEntries: number, maxBytes: number, windowShare: number): void {
    this.#windowEntries = Math.max(1, Math.floor(maxEntries * windowShare))
    this.#windowBytes = Math.floor(maxBytes * windowShare)
    this.#protectedEntries = Math.floor((maxEntries - this.#windowEntries) * PROTECTED_SHARE)
    this.#protectedBytes = Math.floor((maxBytes - this.#windowBytes) * PROTECTED_SHARE)
  }

  add(entry: Entry): void {
    this.#window.add(entry)
  }

  use(entry: Entry): void {
    const { segment } = entry
    if (segment === this.#probation) {
      segment.remove(entry)
      this.#protected.add(entry)
      this.#demote()
    } else {
      segment?.use(entry)
    }
  }

  remove(entry: Entry): void {
    entry.segment?.remove(entry)
  }

  clear(): void {
    this.#window.clear()
    this.#probation.clear()
    this.#protected.clear()
  }

  /**
   * Who has to leave; never the entry that was added last, unless it is the only one.
   *
   * @param excessBytes - How many bytes are too many; 0 when it is a place that is missing.
   */
  victim(excessBytes: number): Entry | undefined {
    const candidate = this.#window.oldest
    const incumbent = this.#probation.oldest ?? this.#protected.oldest
    if (candidate === undefined || incumbent === undefined) return incumbent ?? candidate
    if (!this.#isWindowOver()) return incumbent
    const frequency = this.#frequency(candidate)
    const needed = Math.min(candidate.bytes, excessBytes)
    if (frequency > this.#frequencyOf(incumbent, needed)) return incumbent
    if (frequency >= WARM) incumbent.segment?.use(incumbent)
    return candidate
  }

  /** To be called when everything fits: moves what the window is too small for. */
  settle(): void {
    for (let moves = 0; moves < MOVES_PER_CALL && this.#isWindowOver(); moves++) {
      const { oldest } = this.#window
      if (oldest === undefined) return
      this.#window.remove(oldest)
      this.#probation.add(oldest)
    }
    this.#demote()
  }

  #demote(): void {
    for (let moves = 0; moves < MOVES_PER_CALL; moves++) {
      const { oldest } = this.#protected
      if (oldest === undefined || !this.#protected.exceeds(this.#protectedEntries, this.#protectedBytes)) return
      this.#protected.remove(oldest)
      this.#probation.add(oldest)
    }
  }

  /** Whatever it weighs, the newest entry stays in the window: it was added a moment ago and is to be readable. */
  #isWindowOver(): boolean {
    return this.#window.entries > 1 && this.#window.exceeds(this.#windowEntries, this.#windowBytes)
  }

  /**
   * How often *all* together were used that would have to leave for `needed` bytes, one at least: "aggregated victims" of
   * "Lightweight Robust Size Aware Cache Management", https://arxiv.org/abs/2105.08770
   */
  #frequencyOf(oldest: Entry, needed: number): number {
    let incumbent: Entry | undefined = oldest
    let freed = 0
    let frequency = 0
    for (let looked = 0; looked < LOOKED_AT && incumbent !== undefined; looked++) {
      freed += incumbent.bytes
      frequency += this.#frequency(incumbent)
      if (freed >= needed) return frequency
      incumbent = incumbent.newer ?? (incumbent.segment === this.#probation ? this.#protected.oldest : undefined)
    }
    return (frequency * needed) / freed
  }
}
