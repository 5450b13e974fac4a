import type { CacheErrorReason, CacheProtocol, FeedStats } from '@dashtam/cache-protocol'

/** Whether the cache is of full use, and since when it is as it is. */
export interface CacheHealth {
  /** Whether the cache answers. */
  readonly cache: 'up' | 'down'
  /** Whether this process hears of every change. While it does not, `app.cache` keeps nothing in its memory. */
  readonly feed: 'up' | 'down'
  /** ISO 8601. */
  readonly since: string
  /** Why the cache is down, or `feed` when only that is. */
  readonly reason?: CacheErrorReason | 'feed'
}

type Level = 'healthy' | 'feed' | 'down'

/** Remembers since when the cache has been as it is. Told by whoever notices: a question, or the adapter itself. */
export class HealthTracker {
  #level: Level = 'healthy'
  #since = new Date().toISOString()

  /** @param reason - Nothing when all is well. */
  observe(reason: CacheHealth['reason']): void {
    const level = reason === undefined ? 'healthy' : reason === 'feed' ? 'feed' : 'down'
    if (level !== this.#level) this.#since = new Date().toISOString()
    this.#level = level
  }

  /** Asks now. */
  async ask(cache: CacheProtocol, feed: () => FeedStats): Promise<CacheHealth> {
    const answer = await cache.ping()
    const hears = feed().isTrusted
    const reason = !answer.ok ? (answer.error.reason ?? 'server') : hears ? undefined : 'feed'
    this.observe(reason)
    return {
      cache: answer.ok ? 'up' : 'down',
      feed: hears ? 'up' : 'down',
      since: this.#since,
      ...(reason && { reason })
    }
  }
}
