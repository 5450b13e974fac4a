import type { CacheError, Result, TokenBucket, TokenLimit, TokenState } from '@dashtam/cache-protocol'
import { Refusals } from './refusals.ts'
import type { RateLimitStats } from './stats.ts'

export interface RateLimiterOptions {
  /** The buckets that the fleet shares. */
  readonly buckets: TokenBucket
  /** The buckets of this process, for when the shared ones cannot be asked. */
  readonly localBuckets: TokenBucket
  /**
   * The share of each limit that this process grants by itself while the shared buckets cannot be asked, above 0 and at
   * most 1; one token at least. A local bucket is full when it is first used, whatever the shared one had left. 0 refuses
   * everything meanwhile.
   * @defaultValue 0.25: four processes grant the whole
   */
  readonly localShare?: number
  /**
   * Of how many buckets at the most it is remembered that they are empty, so that they are not asked in vain; an integer
   * from 0, which remembers none.
   * @defaultValue 10000
   */
  readonly maxRefusals?: number
  /** Told of each failure of the shared buckets. Must not throw. */
  readonly onError?: (error: CacheError) => void
  /** Milliseconds that never go backwards. @defaultValue `performance.now` */
  readonly clock?: () => number
}

/** One limit that a request falls under. */
export interface LimitUse {
  /** As headers and metrics name it. */
  readonly name: string
  /** The key of the bucket. Another limit has another key. */
  readonly key: string
  readonly limit: TokenLimit
  /** How many tokens it takes: an integer from 1 to the capacity. @defaultValue 1 */
  readonly cost?: number
}

/** What one limit has said. */
export interface LimitOutcome extends TokenState {
  readonly name: string
  readonly limit: TokenLimit
  /** Who has said it: the shared bucket, a memory of its last refusal, or a local bucket in its place. */
  readonly source: 'shared' | 'remembered' | 'local'
}

export interface RateDecision {
  /** Whether all limits allow it. */
  readonly isAllowed: boolean
  /** How long until they do, in milliseconds, rounded up; 0 when they do. */
  readonly retryAfterMs: number
  /** In the order in which they were asked for. */
  readonly limits: readonly LimitOutcome[]
}

/** How long to wait when nothing can be said: the shared buckets may be back. */
const UNKNOWN_MS = 1_000
const DEFAULT_LOCAL_SHARE = 0.25
const DEFAULT_MAX_REFUSALS = 10_000

/** Decides whether requests are within their limits. Made by {@link createRateLimiter}. */
export class RateLimiter {
  readonly #buckets: TokenBucket
  readonly #localBuckets: TokenBucket
  readonly #localShare: number
  readonly #onError: ((error: CacheError) => void) | undefined
  readonly #refusals: Refusals | undefined
  readonly #stats = { allowed: 0, refused: 0, remembered: 0, allowedLocally: 0, refusedLocally: 0 }

  /** @internal */
  constructor({
    buckets,
    localBuckets,
    localShare = DEFAULT_LOCAL_SHARE,
    maxRefusals = DEFAULT_MAX_REFUSALS,
    onError,
    clock = () => performance.now()
  }: RateLimiterOptions) {
    // Written so that NaN fails.
    if (!(typeof localShare === 'number' && localShare >= 0 && localShare <= 1)) {
      throw new TypeError(`localShare must be a number from 0 to 1, got ${shown(localShare)}`)
    }
    if (!Number.isSafeInteger(maxRefusals) || maxRefusals < 0) {
      throw new TypeError(`maxRefusals must be an integer of at least 0, got ${shown(maxRefusals)}`)
    }
    this.#buckets = buckets
    this.#localBuckets = localBuckets
    this.#localShare = localShare
    this.#onError = onError
    this.#refusals = maxRefusals === 0 ? undefined : new Refusals(maxRefusals, clock)
  }

  /**
   * Takes the tokens of a request from all of its limits, or from none: what one limit has given is given back when
   * another refuses.
   *
   * @throws TypeError when a key, a limit or a cost is none. Faults of the shared buckets never reject.
   */
  async consume(uses: readonly LimitUse[]): Promise<RateDecision> {
    const remembered = this.#remembered(uses)
    if (remembered !== undefined) return remembered
    const [only] = uses
    const limits = uses.length === 1 && only !== undefined ? [await this.#take(only)] : await this.#takeAll(uses)
    const decision = decisionOf(limits)
    if (decision.isAllowed) return decision
    await this.#giveBack(uses, limits)
    // As they are now.
    const left = limits.map((limit, index) =>
      limit.isAllowed && limit.source === 'shared'
        ? { ...limit, remaining: limit.remaining + (uses[index]?.cost ?? 1) }
        : limit
    )
    return { ...decision, limits: left }
  }

  /** What `consume` would say. Takes nothing. @throws TypeError as `consume` does. */
  async peek(uses: readonly LimitUse[]): Promise<RateDecision> {
    const limits = uses.map(async ({ name, key, limit, cost = 1 }): Promise<LimitOutcome> => {
      const peeked = this.#told(await this.#buckets.peek(key, limit, cost))
      if (peeked !== undefined) return { ...peeked, name, limit, source: 'shared' }
      const local = await this.#peekLocally(key, limit, cost)
      return { ...local, name, limit, source: 'local' }
    })
    return decisionOf(await Promise.all(limits))
  }

  /**
   * Gives back what was taken for a request that is not to count after all.
   *
   * @param decision - What `consume` has said of the same uses; of a refusal nothing was taken.
   */
  async giveBack(uses: readonly LimitUse[], decision: RateDecision): Promise<void> {
    if (decision.isAllowed) await this.#giveBack(uses, decision.limits)
  }

  /** Fills the buckets of these limits. */
  async reset(uses: readonly Pick<LimitUse, 'key'>[]): Promise<void> {
    await Promise.all(
      uses.map(async ({ key }) => {
        this.#told(await this.#buckets.reset(key))
        await this.#localBuckets.reset(key)
        // Afterwards: a refusal may have been on its way.
        this.#refusals?.forget(key)
      })
    )
  }

  stats(): RateLimitStats {
    return { ...this.#stats }
  }

  /** A refusal of one limit that needs no asking is one of all. */
  #remembered(uses: readonly LimitUse[]): RateDecision | undefined {
    let limits: LimitOutcome[] | undefined
    for (const { name, key, limit, cost = 1 } of uses) {
      const refusal = this.#refusals?.find(key, limit, cost)
      if (refusal === undefined) continue
      limits ??= []
      limits.push({ ...refusal, name, limit, source: 'remembered' })
    }
    if (limits === undefined) return undefined
    this.#stats.remembered++
    return decisionOf(limits)
  }

  /** When one of them is wrong the others get back what they have given. */
  async #takeAll(uses: readonly LimitUse[]): Promise<LimitOutcome[]> {
    const taken = await Promise.allSettled(uses.map(use => this.#take(use)))
    const limits = taken.map(each => (each.status === 'fulfilled' ? each.value : undefined))
    const wrong = taken.find(each => each.status === 'rejected')
    if (wrong === undefined) return limits as LimitOutcome[]
    await this.#giveBack(uses, limits)
    throw wrong.reason
  }

  async #take({ name, key, limit, cost = 1 }: LimitUse): Promise<LimitOutcome> {
    const state = this.#told(await this.#buckets.take(key, limit, cost))
    if (state === undefined) return { ...(await this.#takeLocally(key, limit, cost)), name, limit, source: 'local' }
    if (state.isAllowed) this.#stats.allowed++
    else {
      this.#stats.refused++
      this.#refusals?.add(key, cost, state)
    }
    return { ...state, name, limit, source: 'shared' }
  }

  async #takeLocally(key: string, limit: TokenLimit, cost: number): Promise<TokenState> {
    const share = this.#shareOf(limit, cost)
    const state = share === undefined ? UNKNOWN : wrongOr(await this.#localBuckets.take(key, share.limit, share.cost))
    if (state.isAllowed) this.#stats.allowedLocally++
    else this.#stats.refusedLocally++
    return state
  }

  async #peekLocally(key: string, limit: TokenLimit, cost: number): Promise<TokenState> {
    const share = this.#shareOf(limit, cost)
    return share === undefined ? UNKNOWN : wrongOr(await this.#localBuckets.peek(key, share.limit, share.cost))
  }

  /** A request costs as much of the share as it would of the whole. */
  #shareOf(limit: TokenLimit, cost: number): { readonly limit: TokenLimit; readonly cost: number } | undefined {
    if (this.#localShare === 0) return undefined
    const capacity = Math.max(1, Math.floor(limit.capacity * this.#localShare))
    return { limit: { ...limit, capacity }, cost: Math.min(capacity, Math.ceil((cost * capacity) / limit.capacity)) }
  }

  async #giveBack(uses: readonly LimitUse[], limits: readonly (LimitOutcome | undefined)[]): Promise<void> {
    await Promise.all(
      uses.map((use, index) => {
        const limit = limits[index]
        return limit?.isAllowed ? this.#give(use, limit.source) : undefined
      })
    )
  }

  async #give({ key, limit, cost = 1 }: LimitUse, source: LimitOutcome['source']): Promise<void> {
    const share = this.#shareOf(limit, cost)
    if (source === 'local' && share !== undefined) await this.#localBuckets.give(key, share.limit, share.cost)
    else this.#told(await this.#buckets.give(key, limit, cost))
    this.#refusals?.forget(key)
  }

  /** What the shared buckets have answered; `undefined` when they could not be asked. */
  #told<T>(result: Result<T>): T | undefined {
    if (result.ok) return result.value
    if (result.error.code === 'CACHE_INVALID_ARGUMENT') throw new TypeError(result.error.message)
    this.#onError?.(result.error)
    return undefined
  }
}

const UNKNOWN: TokenState = Object.freeze({
  isAllowed: false,
  remaining: 0,
  retryAfterMs: UNKNOWN_MS,
  fullAfterMs: UNKNOWN_MS
})

/**
 * Makes a rate limiter.
 *
 * @throws TypeError when an option is out of its range.
 */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  return new RateLimiter(options)
}

function decisionOf(limits: readonly LimitOutcome[]): RateDecision {
  let isAllowed = true
  let retryAfterMs = 0
  for (const limit of limits) {
    isAllowed &&= limit.isAllowed
    retryAfterMs = Math.max(retryAfterMs, limit.retryAfterMs)
  }
  return { isAllowed, retryAfterMs, limits }
}

/** Buckets in memory fail for nothing but what is wrong. */
function wrongOr(result: Result<TokenState>): TokenState {
  if (result.ok) return result.value
  throw new TypeError(result.error.message)
}

function shown(got: unknown): string {
  return typeof got === 'number' ? String(got) : typeof got
}
