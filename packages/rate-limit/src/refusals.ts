import type { TokenLimit, TokenState } from '@dashtam/cache-protocol'

interface Refusal {
  readonly cost: number
  /** When the tokens that were asked for will be there. */
  readonly untilMs: number
  readonly fullAtMs: number
  readonly remaining: number
}

/**
 * Buckets of which it is known until when they cannot give what was asked for. A bucket only fills with time, so there is
 * no use in asking before. The oldest are forgotten when there are too many.
 */
export class Refusals {
  readonly #maxEntries: number
  readonly #clock: () => number
  readonly #refusals = new Map<string, Refusal>()

  constructor(maxEntries: number, clock: () => number) {
    this.#maxEntries = maxEntries
    this.#clock = clock
  }

  /** What the bucket would say; `undefined` when it must be asked. */
  find(key: string, limit: TokenLimit, cost: number): TokenState | undefined {
    const refusal = this.#refusals.get(key)
    if (refusal === undefined) return undefined
    const nowMs = this.#clock()
    if (nowMs >= refusal.untilMs) {
      this.#refusals.delete(key)
      return undefined
    }
    if (cost < refusal.cost) return undefined
    const moreMs = ((cost - refusal.cost) * limit.refillSeconds * 1_000) / limit.capacity
    return {
      isAllowed: false,
      remaining: refusal.remaining,
      retryAfterMs: Math.ceil(refusal.untilMs - nowMs + moreMs),
      fullAfterMs: Math.ceil(refusal.fullAtMs - nowMs)
    }
  }

  add(key: string, cost: number, { remaining, retryAfterMs, fullAfterMs }: TokenState): void {
    const nowMs = this.#clock()
    if (this.#refusals.size >= this.#maxEntries) {
      const [oldest] = this.#refusals.keys()
      if (oldest !== undefined) this.#refusals.delete(oldest)
    }
    // Rounded up to a millisecond, which is later than the tokens are there by at most that.
    this.#refusals.set(key, { cost, remaining, untilMs: nowMs + retryAfterMs, fullAtMs: nowMs + fullAfterMs })
  }

  forget(key: string): void {
    this.#refusals.delete(key)
  }
}
