import type { LimitOutcome, RateDecision } from './rate-limiter.ts'

/**
 * The header fields that tell a client of its limits (draft-ietf-httpapi-ratelimit-headers-10): `RateLimit-Policy` with
 * quota and window of each, `RateLimit` with what remains and in how many seconds there is more (the whole quota, or after
 * a refusal what was asked for), and for a request that is refused `Retry-After`.
 */
export function rateLimitHeaders({ isAllowed, retryAfterMs, limits }: RateDecision): Record<string, string> {
  const headers: Record<string, string> = {}
  if (limits.length > 0) {
    headers['ratelimit-policy'] = limits.map(policyOf).join(', ')
    headers.ratelimit = limits.map(stateOf).join(', ')
  }
  if (!isAllowed) headers['retry-after'] = String(toSeconds(retryAfterMs))
  return headers
}

function policyOf({ name, limit }: LimitOutcome): string {
  return `${quoted(name)};q=${limit.capacity};w=${Math.ceil(limit.refillSeconds)}`
}

/** Of a limit that refuses `t` is when it is worth while to try again, as `Retry-After` says. */
function stateOf({ name, isAllowed, remaining, retryAfterMs, fullAfterMs }: LimitOutcome): string {
  return `${quoted(name)};r=${remaining};t=${toSeconds(isAllowed ? fullAfterMs : retryAfterMs)}`
}

/** A string of Structured Fields (RFC 9651) is printable ASCII. */
function quoted(name: string): string {
  return `"${name.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`
}

function toSeconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1_000)
}
