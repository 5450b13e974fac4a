import { Counter, type Registry } from 'prom-client'
import type { OAuthStateCache } from './oauth-state-cache.ts'

/**
 * Makes what a cache of OAuth states counts part of what `registry` answers to a scrape, as
 * `dashtam_oauth_state_events_total` with `event`. Nothing happens between scrapes.
 *
 * @throws Error when the registry has something of that name.
 */
export function registerOAuthStateMetrics(
  states: Pick<OAuthStateCache, 'stats'>,
  { registry }: { readonly registry: Registry }
): void {
  new Counter({
    name: 'dashtam_oauth_state_events_total',
    help: 'What has become of OAuth states, by event.',
    labelNames: ['event'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [event, value] of Object.entries(states.stats())) this.inc({ event }, value)
    }
  })
}
