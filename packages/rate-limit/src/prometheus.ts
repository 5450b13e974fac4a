import { Counter, type Registry } from 'prom-client'
import type { RateLimiter } from './rate-limiter.ts'
import type { RateLimitStats } from './stats.ts'

const RESULTS: Readonly<Record<keyof RateLimitStats, { readonly result: string; readonly source: string }>> = {
  allowed: { result: 'allowed', source: 'shared' },
  refused: { result: 'refused', source: 'shared' },
  remembered: { result: 'refused', source: 'remembered' },
  allowedLocally: { result: 'allowed', source: 'local' },
  refusedLocally: { result: 'refused', source: 'local' }
}

/**
 * Makes what a limiter counts part of what `registry` answers to a scrape, as `dashtam_rate_limit_decisions_total` with
 * `result` and `source`. Nothing happens between scrapes.
 *
 * @throws Error when the registry has something of that name.
 */
export function registerRateLimitMetrics(limiter: RateLimiter, { registry }: { readonly registry: Registry }): void {
  new Counter({
    name: 'dashtam_rate_limit_decisions_total',
    help: 'Decisions about limits, by result and by who has made them.',
    labelNames: ['result', 'source'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [name, value] of Object.entries(limiter.stats())) {
        this.inc(RESULTS[name as keyof RateLimitStats], value)
      }
    }
  })
}
