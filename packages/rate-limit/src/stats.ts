/** What a rate limiter has decided since it was made. */
export interface RateLimitStats {
  /** Let through by the shared buckets. */
  readonly allowed: number
  /** Refused by the shared buckets. */
  readonly refused: number
  /** Refused again without asking, because it was known that the tokens cannot be there yet. */
  readonly remembered: number
  /** Let through by a local bucket, because the shared ones could not be asked. */
  readonly allowedLocally: number
  /** Refused by a local bucket. */
  readonly refusedLocally: number
}
