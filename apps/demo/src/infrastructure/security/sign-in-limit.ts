import { createHash } from 'node:crypto'
import type { RateLimiter } from '@dashtam/rate-limit'
import pLimit, { type LimitFunction } from 'p-limit'
import type { Attempt, SignInLimit } from '../../application/ports.ts'

export interface SignInLimitOptions {
  readonly limiter: RateLimiter
  readonly keys: { rateLimit(params: { readonly userId: string; readonly endpoint: string }): string }
  /** How many wrong ones a pair of user and address has in a minute. */
  readonly perMinute: number
}

/**
 * Counts wrong sign-ins, by user and address, so that nobody locks out a user elsewhere. A token is taken before the
 * password is looked at, since a hundred guesses at the same time must not find the bucket full; and it is given back if
 * the password is right. Attempts of one pair wait for each other, so that right ones do not take each other's tokens.
 */
export function createSignInLimit({ limiter, keys, perMinute }: SignInLimitOptions): SignInLimit {
  const queues = new Map<string, LimitFunction>()
  const limit = { capacity: perMinute, refillSeconds: 60 }

  return {
    async attempt(attempt, verify) {
      const subject = hashOf(attempt)
      const uses = [{ name: 'sign-in', key: keys.rateLimit({ userId: subject, endpoint: 'sign-in' }), limit }]
      const queue = queues.get(subject) ?? pLimit(1)
      queues.set(subject, queue)
      try {
        return await queue(async () => {
          const decision = await limiter.consume(uses)
          if (!decision.isAllowed) return { retryAfterMs: decision.retryAfterMs }
          let value: Awaited<ReturnType<typeof verify>>
          try {
            value = await verify()
          } catch (error) {
            await limiter.giveBack(uses, decision)
            throw error
          }
          if (value !== undefined) await limiter.giveBack(uses, decision)
          return { value }
        })
      } finally {
        if (queue.activeCount + queue.pendingCount === 0) queues.delete(subject)
      }
    }
  }
}

/** Whatever was typed as an address of e-mail stands in no key. */
function hashOf({ email, address }: Attempt): string {
  return createHash('sha256')
    .update(JSON.stringify([email, address]))
    .digest('base64url')
}
