export { rateLimitHeaders } from './headers.ts'
export type { LimitOutcome, LimitUse, RateDecision, RateLimiterOptions } from './rate-limiter.ts'
export { createRateLimiter, RateLimiter } from './rate-limiter.ts'
export type { RateLimitStats } from './stats.ts'
