import type { FeedListener, InvalidationFeed } from '@dashtam/cache-protocol'
import { Fence } from './fence.ts'
import type { Flight } from './flight.ts'
import { GenerationFence } from './generation-fence.ts'
import type { MemoryTier } from './memory-tier.ts'

/** The most generations whose ids are kept in memory: far more than are in use between two invalidations. */
const MAX_GENERATIONS = 100_000

/**
 * What this process knows of the changes that others make, and makes itself: who waits is told, what is in memory becomes
 * suspect. A message says that something has changed, never who changed it, so none is ever taken for an echo of what
 * this process has done itself.
 */
export class Coherence implements FeedListener {
  readonly #feed: InvalidationFeed
  readonly #memory: MemoryTier
  readonly #slots = new Map<string, Fence<Flight>>()
  readonly #generations = new Map<string, GenerationFence>()
  readonly #clock: () => number
  /**
   * Grows with every change of any generation and with every gap: an entry that was checked at this number is still as
   * it was then, and a hit compares one integer.
   */
  moves = 0
  /** Grows when anything may have changed: what is of an earlier epoch is suspect. */
  epoch = 0

  constructor(feed: InvalidationFeed, memory: MemoryTier, clock: () => number) {
    this.#feed = feed
    this.#memory = memory
    this.#clock = clock
    feed.start(this)
  }

  /** Whether every change that has been acknowledged a coherence lag ago has been told. */
  get isTrusted(): boolean {
    return this.#clock() < this.#feed.trustedUntilMs
  }

  /**
   * The fence of a slot, for whoever waits for an answer about it: to be taken *before* the command is sent, because the
   * message and the answer travel on two connections, and given back with `leave`.
   */
  enter(key: string): Fence<Flight> {
    let fence = this.#slots.get(key)
    if (fence === undefined) {
      fence = new Fence()
      this.#slots.set(key, fence)
    }
    fence.holders++
    return fence
  }

  leave(key: string, fence: Fence<Flight>): void {
    if (--fence.holders === 0) this.#slots.delete(key)
  }

  /** The fence of a slot if somebody holds it. */
  fenceOf(key: string): Fence<Flight> | undefined {
    return this.#slots.get(key)
  }

  generation(name: string): GenerationFence {
    const known = this.#generations.get(name)
    if (known !== undefined) return known
    if (this.#generations.size >= MAX_GENERATIONS) this.#forgetSome()
    const fence = new GenerationFence(name)
    this.#generations.set(name, fence)
    return fence
  }

  slotChanged(key: string): void {
    this.#memory.suspect(key)
    this.#slots.get(key)?.move()
  }

  generationChanged(name: string): void {
    const generation = this.#generations.get(name)
    if (generation === undefined) return
    generation.distrust()
    this.moves++
  }

  everythingChanged(): void {
    this.epoch++
    this.moves++
    // Whoever waits for another process looks again; what else is held compares epochs.
    for (const fence of this.#slots.values()) fence.wake()
  }

  /** The oldest half. Entries that depend on one find it distrusted, and look it up anew by its name. */
  #forgetSome(): void {
    let left = MAX_GENERATIONS / 2
    for (const [name, generation] of this.#generations) {
      if (left-- === 0) break
      generation.forget()
      this.#generations.delete(name)
    }
    this.moves++
  }
}
