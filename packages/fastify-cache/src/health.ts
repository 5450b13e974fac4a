import type { CacheErrorReason, CacheProtocol } from '@dashtam/cache-protocol'

/** Whether the cache answers, and since when it is so. */
export interface CacheHealth {
  readonly cache: 'up' | 'down'
  /** ISO 8601. */
  readonly since: string
  /** Why it is down. */
  readonly reason?: CacheErrorReason
}

/** Remembers since when the cache has been as it is. Fed by whoever notices: a ping, or the adapter itself. */
export class HealthTracker {
  #health: CacheHealth = { cache: 'up', since: new Date().toISOString() }

  observe(reason: CacheErrorReason | undefined): void {
    const cache = reason === undefined ? 'up' : 'down'
    const { cache: before, since } = this.#health
    const from = cache === before ? since : new Date().toISOString()
    this.#health = { cache, since: from, ...(reason !== undefined && { reason }) }
  }

  /** Asks the cache now. */
  async ask(cache: CacheProtocol): Promise<CacheHealth> {
    const answer = await cache.ping()
    this.observe(answer.ok ? undefined : (answer.error.reason ?? 'server'))
    return this.#health
  }
}
