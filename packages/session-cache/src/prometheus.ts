import { Counter, type Registry } from 'prom-client'
import type { SessionCache } from './session-cache.ts'

/**
 * Makes what a session cache counts part of what `registry` answers to a scrape, as `dashtam_session_events_total` with
 * `event`. Nothing happens between scrapes.
 *
 * @throws Error when the registry has something of that name.
 */
export function registerSessionMetrics(
  sessions: Pick<SessionCache, 'stats'>,
  { registry }: { readonly registry: Registry }
): void {
  new Counter({
    name: 'dashtam_session_events_total',
    help: 'What has become of sessions, by event.',
    labelNames: ['event'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [event, value] of Object.entries(sessions.stats())) this.inc({ event }, value)
    }
  })
}
