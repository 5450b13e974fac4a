import { Counter, type Registry } from 'prom-client'
import type { SecurityConfigCache } from './security-config-cache.ts'

/**
 * Makes what a cache of security versions counts part of what `registry` answers to a scrape, as
 * `dashtam_security_config_events_total` with `event`. Nothing happens between scrapes.
 *
 * @throws Error when the registry has something of that name.
 */
export function registerSecurityConfigMetrics(
  securityConfig: Pick<SecurityConfigCache, 'stats'>,
  { registry }: { readonly registry: Registry }
): void {
  new Counter({
    name: 'dashtam_security_config_events_total',
    help: 'What has become of tokens and their versions, by event.',
    labelNames: ['event'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [event, value] of Object.entries(securityConfig.stats())) this.inc({ event }, value)
    }
  })
}
