import type { Result } from './result.ts'

/** How large a bucket is, and how fast it fills. */
export interface TokenLimit {
  /** The tokens of a full bucket, which is what may be taken at once: an integer from 1 to 10,000,000. */
  readonly capacity: number
  /** How long it takes to fill an empty bucket, in seconds: from 0.001 to 31,622,400 (366 days). */
  readonly refillSeconds: number
}

/** How a bucket is. */
export interface TokenState {
  /** Whether the tokens asked for were there. */
  readonly isAllowed: boolean
  /** Whole tokens that are left. */
  readonly remaining: number
  /** How long until the tokens asked for are there, in milliseconds, rounded up; 0 when they are. */
  readonly retryAfterMs: number
  /** How long until the bucket is full, in milliseconds, rounded up. */
  readonly fullAfterMs: number
}

/**
 * Buckets of tokens that fill again at a steady pace. In any span of time no more tokens are taken from a bucket than it
 * holds, fills and is given back in that span.
 *
 * A bucket that nobody has touched, or not for as long as it takes to fill, is full and takes no room. A key belongs to
 * the keyspace of its store and to one limit; another limit under the same key leaves the bucket as long from full as it was.
 *
 * Nothing rejects. Arguments that are wrong fail with `CACHE_INVALID_ARGUMENT`, faults of the backend with
 * `CACHE_BUCKET_ERROR`.
 */
export interface TokenBucket {
  /**
   * Takes tokens if they are there, all or none, in one step.
   *
   * @param cost - How many: an integer from 1 to the limit's capacity. Default: 1
   */
  take(key: string, limit: TokenLimit, cost?: number): Promise<Result<TokenState>>

  /** What `take` would say. Takes nothing. */
  peek(key: string, limit: TokenLimit, cost?: number): Promise<Result<TokenState>>

  /** Gives back what was taken for something that did not come about. A bucket never holds more than its capacity. */
  give(key: string, limit: TokenLimit, tokens?: number): Promise<Result<void>>

  /**
   * Fills a bucket.
   *
   * @returns whether it was not full before.
   */
  reset(key: string): Promise<Result<boolean>>
}
