/** The lifetime that a cache uses when neither a call nor its own options say one: an hour, as for the seeds' users. */
export const DEFAULT_TTL_SECONDS = 3_600

/**
 * The longest finite lifetime, in seconds: over 30,000 years. Far enough for anybody, and an expiry in milliseconds
 * since 1970 stays an exact JavaScript number and within what Redis can hold.
 */
export const MAX_TTL_SECONDS = 1_000_000_000_000

/** Says what is wrong with a lifetime, or nothing. */
export function problemOfTtl(ttlSeconds: number): string | undefined {
  // Written so that NaN fails.
  if (typeof ttlSeconds === 'number' && ttlSeconds > 0 && (ttlSeconds <= MAX_TTL_SECONDS || ttlSeconds === Infinity)) {
    return undefined
  }
  const got = typeof ttlSeconds === 'number' ? String(ttlSeconds) : typeof ttlSeconds
  return `ttlSeconds must be a number above 0 and at most ${MAX_TTL_SECONDS}, or Infinity; got ${got}`
}

/** A valid lifetime in whole milliseconds, rounded up so that it is never 0; `Infinity` stays what it is. */
export function toMilliseconds(ttlSeconds: number): number {
  const exactMs = ttlSeconds * 1_000
  // 0.07 * 1000 is 70.00000000000001: the error of the multiplication must not buy a millisecond.
  const nearestMs = Math.round(exactMs)
  return nearestMs > 0 && Math.abs(exactMs - nearestMs) < exactMs * 4 * Number.EPSILON ? nearestMs : Math.ceil(exactMs)
}
