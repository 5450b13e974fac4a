import { Deadlines } from '../deadlines.ts'

/**
 * Lets all who wait within one turn of the event loop share a round trip. A round may leave while an earlier one is
 * still under way: who comes after a PING has left needs the next.
 */
export class Barrier {
  readonly #roundTrip: () => Promise<boolean>
  readonly #deadlines: Deadlines
  #boarding: PromiseWithResolvers<boolean> | undefined

  /** @param roundTrip - Never rejects. */
  constructor(roundTrip: () => Promise<boolean>, timeoutMs: number) {
    this.#roundTrip = roundTrip
    this.#deadlines = new Deadlines(timeoutMs)
  }

  /** What a round trip that begins after this call says, or `false` when it takes too long. */
  join(): Promise<boolean> {
    if (this.#boarding === undefined) {
      this.#boarding = Promise.withResolvers()
      setImmediate(this.#depart)
    }
    return this.#boarding.promise
  }

  readonly #depart = (): void => {
    const round = this.#boarding
    if (round === undefined) return
    this.#boarding = undefined
    const pending = this.#deadlines.start(() => round.resolve(false))
    void this.#roundTrip().then(isThrough => {
      if (!pending.isFinished) this.#deadlines.finish(pending)
      round.resolve(isThrough)
    })
  }
}
