import { Counter, type Registry } from 'prom-client'
import type { ProviderConnectionCache } from './provider-connection-cache.ts'

/**
 * Makes what a cache of connections counts part of what `registry` answers to a scrape, as
 * `dashtam_provider_connection_events_total` with `event`. Nothing happens between scrapes.
 *
 * @throws Error when the registry has something of that name.
 */
export function registerProviderConnectionMetrics(
  connections: Pick<ProviderConnectionCache<unknown>, 'stats'>,
  { registry }: { readonly registry: Registry }
): void {
  new Counter({
    name: 'dashtam_provider_connection_events_total',
    help: 'What has happened to connections and their tokens, by event.',
    labelNames: ['event'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [event, value] of Object.entries(connections.stats())) this.inc({ event }, value)
    }
  })
}
