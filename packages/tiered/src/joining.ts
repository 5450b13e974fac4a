import type { FencedStore } from '@dashtam/cache-protocol'
import type { Answer } from './answer.ts'
import { sameIds } from './capture.ts'
import type { Coherence } from './coherence.ts'
import type { Flight, Outcome } from './flight.ts'
import type { Generations } from './generations.ts'
import type { EngineSettings } from './settings.ts'

export interface JoiningDeps {
  readonly store: FencedStore
  readonly coherence: Coherence
  readonly generations: Generations
  readonly settings: EngineSettings
}

/** Decides which flights may be joined: those that will see all that a read of one's own would see. */
export class Joining {
  readonly #store: FencedStore
  readonly #coherence: Coherence
  readonly #generations: Generations
  readonly #settings: EngineSettings

  constructor({ store, coherence, generations, settings }: JoiningDeps) {
    this.#store = store
    this.#coherence = coherence
    this.#generations = generations
    this.#settings = settings
  }

  isJoinable<V>(flight: Flight<V>): boolean {
    if (!this.isUnmoved(flight)) return false
    if (this.#coherence.isTrusted) return flight.capture.epoch === this.#coherence.epoch
    // Nobody would tell of a change: what the store has said may be older than one, and may be asked again.
    if (this.#store.isReachable) return flight.askedAtMs >= this.#settings.clock()
    return this.isYoung(flight)
  }

  /** Whether nothing has been told since it looked. Of what nobody has told, because of a gap, it knows nothing. */
  isUnmoved<V>({ moves, fence, isAbandoned, capture }: Flight<V>): boolean {
    return moves === fence.moves && !isAbandoned && this.#generations.areUnmoved(capture)
  }

  /** Whether a flight of which nobody would tell that it is out of date cannot be so by much. */
  isYoung<V>({ askedAtMs }: Flight<V>): boolean {
    return this.#settings.clock() - askedAtMs < this.#settings.heartbeatMs / 2
  }

  /**
   * Has `flight` end as `own`, the load that this process has under way: the store still knows it, so nothing was
   * invalidated since it began.
   */
  adopt<V>(own: Flight<V>, flight: Flight<V>, { capture, asked }: Answer): Promise<Outcome<V>> | undefined {
    if (own === flight || own.isAbandoned || capture.isPending || !sameIds(own.capture.ids, capture.ids))
      return undefined
    own.moves = asked.moves
    own.capture = capture
    const { fence } = flight
    if (fence.flight === (flight as Flight)) fence.flight = own as Flight
    return flight.endAs(own)
  }
}
