import { Counter, type Registry } from 'prom-client'
import type { AccountsCache } from './accounts-cache.ts'

/**
 * Makes what a cache of accounts counts part of what `registry` answers to a scrape, as `dashtam_accounts_events_total` with
 * `event`. Nothing happens between scrapes.
 *
 * @throws Error when the registry has something of that name.
 */
export function registerAccountsMetrics(
  accounts: Pick<AccountsCache, 'stats'>,
  { registry }: { readonly registry: Registry }
): void {
  new Counter({
    name: 'dashtam_accounts_events_total',
    help: 'What was asked of the accounts of users, by event.',
    labelNames: ['event'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [event, value] of Object.entries(accounts.stats())) this.inc({ event }, value)
    }
  })
}
