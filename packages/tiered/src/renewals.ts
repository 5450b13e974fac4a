/** What is held in the store for the length of a load or a write is renewed this often, well before it runs out. */
const RENEWALS_PER_LIFE = 3

/**
 * Keeps leases, claims and writes alive while the work they stand for goes on: one timer for all of them, that runs only
 * while there are any.
 */
export class Renewals {
  readonly #intervalMs: number
  readonly #renew = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined

  /** @param lifeMs - How long what is held lives without being renewed. */
  constructor(lifeMs: number) {
    this.#intervalMs = Math.max(1, Math.floor(lifeMs / RENEWALS_PER_LIFE))
  }

  /** Calls `renew` each third of a life; answers what stops it. `renew` must not throw or reject. */
  start(renew: () => unknown): () => void {
    // One that has just begun may be renewed by the next tick already: earlier than needed, never too late.
    const entry = () => void renew()
    this.#renew.add(entry)
    this.#timer ??= setInterval(() => {
      for (const each of this.#renew) each()
    }, this.#intervalMs).unref()
    return () => {
      this.#renew.delete(entry)
      if (this.#renew.size > 0) return
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  close(): void {
    this.#renew.clear()
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
