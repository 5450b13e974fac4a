import type { FencedStore } from '@dashtam/cache-protocol'
import type { Coherence } from './coherence.ts'
import type { Flight, Outcome } from './flight.ts'
import type { Generations } from './generations.ts'
import type { Joining } from './joining.ts'
import type { MemoryEntry, MemoryTier } from './memory-tier.ts'
import type { Reading } from './reading.ts'
import type { EngineSettings } from './settings.ts'

export interface UnbackedDeps {
  readonly store: FencedStore
  readonly coherence: Coherence
  readonly generations: Generations
  readonly memory: MemoryTier
  readonly joining: Joining
  readonly settings: EngineSettings
}

/** What was loaded while the store could not be asked: it serves for a moment, and never a strong read. */
export class Unbacked {
  readonly #store: FencedStore
  readonly #coherence: Coherence
  readonly #generations: Generations
  readonly #memory: MemoryTier
  readonly #joining: Joining
  readonly #settings: EngineSettings

  constructor({ store, coherence, generations, memory, joining, settings }: UnbackedDeps) {
    this.#store = store
    this.#coherence = coherence
    this.#generations = generations
    this.#memory = memory
    this.#joining = joining
    this.#settings = settings
  }

  /** As found in memory, while there is no use in asking the store. */
  hit<P, V>(reading: Reading<P, V>, entry: MemoryEntry<V>): Outcome<V> | undefined {
    if (!entry.isRefused && this.#store.isReachable) return undefined
    if (reading.isStrong || !this.#isYetGood(entry)) return undefined
    return { value: entry.value, status: 'hit', tier: 'memory' }
  }

  /** What another read has just loaded, or is loading, because it could not ask the store either. */
  ofOther<V>(flight: Flight<V>): Outcome<V> | Promise<Outcome<V>> | undefined {
    const { reading, fence } = flight
    const entry = this.#memory.peek(reading.key) as MemoryEntry<V> | undefined
    if (entry !== undefined && entry.id === undefined && this.#isYetGood(entry)) {
      // Who joins this flight must know how old its value is.
      flight.capture = entry.capture
      return { value: entry.value, status: 'hit', tier: 'memory' }
    }
    const other = fence.unbacked as Flight<V> | undefined
    if (other === undefined || !this.#joining.isUnmoved(other) || !this.#joining.isYoung(other)) return undefined
    flight.capture = other.capture
    return flight.endAs(other)
  }

  /** Of what was loaded without the store nobody tells anyway, so that a gap makes no difference. */
  #isYetGood({ isSuspect, isRefused, expiresAtMs, capture }: MemoryEntry): boolean {
    if (isSuspect || this.#settings.clock() >= expiresAtMs || !this.#generations.areUnmoved(capture)) return false
    return !isRefused || capture.epoch === this.#coherence.epoch
  }
}
