import type { FamilyStats, ReadThroughStats } from '@dashtam/cache-protocol'
import { AggregatorRegistry, Counter, Registry } from 'prom-client'
import t from 'tap'
import { CacheMetrics } from '../src/index.ts'
import { registerCacheMetrics, registerReadThroughMetrics } from '../src/prometheus.ts'

const ACCOUNTS: FamilyStats = {
  memoryHits: 1,
  sharedHits: 2,
  staleHits: 3,
  misses: 4,
  collapsed: 5,
  errors: 6,
  loads: 7,
  loadErrors: 8,
  loadTimeouts: 9,
  refreshes: 10,
  fenced: 11,
  confirmed: 12,
  unreadable: 13,
  unstorable: 14,
  degraded: 15,
  invalidations: 16,
  pending: 17
}

const STATS: ReadThroughStats = {
  families: { accounts: ACCOUNTS },
  feed: { mode: 'tracking', isTrusted: true, messages: 18, gaps: 19, barriers: 20, lagMs: 1.5 },
  owed: 21,
  memory: { entries: 22, bytes: 23, evictions: 24 }
}

const LINES = `dashtam_cache_reads_total{namespace="accounts",result="hit",tier="memory"} 1
dashtam_cache_reads_total{namespace="accounts",result="hit",tier="shared"} 2
dashtam_cache_reads_total{namespace="accounts",result="stale"} 3
dashtam_cache_reads_total{namespace="accounts",result="miss"} 4
dashtam_cache_reads_total{namespace="accounts",result="collapsed"} 5
dashtam_cache_reads_total{namespace="accounts",result="error"} 6
dashtam_cache_loads_total{namespace="accounts"} 7
dashtam_cache_load_errors_total{namespace="accounts"} 8
dashtam_cache_load_timeouts_total{namespace="accounts"} 9
dashtam_cache_refreshes_total{namespace="accounts"} 10
dashtam_cache_fenced_total{namespace="accounts"} 11
dashtam_cache_unstorable_total{namespace="accounts"} 14
dashtam_cache_unreadable_total{namespace="accounts"} 13
dashtam_cache_confirmed_total{namespace="accounts"} 12
dashtam_cache_degraded_reads_total{namespace="accounts"} 15
dashtam_cache_invalidations_total{namespace="accounts",result="ok"} 16
dashtam_cache_invalidations_total{namespace="accounts",result="pending"} 17
dashtam_cache_undelivered_invalidations 21
dashtam_cache_memory_entries 22
dashtam_cache_memory_bytes 23
dashtam_cache_memory_evictions_total 24
dashtam_cache_feed_trusted 1
dashtam_cache_feed_mode{mode="tracking"} 1
dashtam_cache_feed_mode{mode="pubsub"} 0
dashtam_cache_feed_mode{mode="local"} 0
dashtam_cache_feed_mode{mode="none"} 0
dashtam_cache_feed_lag_seconds 0.0015
dashtam_cache_feed_gaps_total 19
dashtam_cache_feed_messages_total 18
dashtam_cache_feed_barriers_total 20`.split('\n')

t.test('registerReadThroughMetrics() exports every number of the families, the feed and the memory', async t => {
  const registry = new Registry()
  registerReadThroughMetrics({ stats: () => STATS }, { registry })
  t.strictSame(await linesOf(registry), LINES)
})

t.test('registerReadThroughMetrics() declares what grows a counter, and says what each is', async t => {
  const registry = new Registry()
  registerReadThroughMetrics({ stats: () => STATS }, { registry })
  for (const { name, type, help } of await registry.getMetricsAsJSON()) {
    t.equal(type as unknown, name.endsWith('_total') ? 'counter' : 'gauge', name)
    t.match(help, /^[A-Z].*\.$/)
  }
})

t.test('registerReadThroughMetrics() reads the numbers when they are asked for', async t => {
  const registry = new Registry()
  let stats = STATS
  registerReadThroughMetrics({ stats: () => stats }, { registry })
  await registry.metrics()
  stats = { ...STATS, families: {}, feed: { ...STATS.feed, mode: 'none', isTrusted: false, lagMs: undefined } }
  const lines = await linesOf(registry)
  t.notMatch(lines.join('\n'), /namespace=|lag_seconds/, 'nothing is said of what is not known')
  t.match(lines.join('\n'), 'dashtam_cache_feed_trusted 0')
  t.match(lines.join('\n'), 'dashtam_cache_feed_mode{mode="none"} 1')
})

t.test('registerReadThroughMetrics() shares a registry with registerCacheMetrics()', async t => {
  const registry = new Registry()
  const cache = { stats: () => STATS }
  registerCacheMetrics(new CacheMetrics(), { registry })
  registerReadThroughMetrics(cache, { registry })
  registerReadThroughMetrics(cache, { registry })
  t.strictSame(await linesOf(registry), LINES, 'and doing it again changes nothing')
})

t.test('registerReadThroughMetrics() tells two caches apart by their prefix', async t => {
  const registry = new Registry()
  registerReadThroughMetrics({ stats: () => STATS }, { registry })
  const other = { stats: () => STATS }
  t.throws(() => registerReadThroughMetrics(other, { registry }), {
    message: 'the registry already has another metric named dashtam_cache_reads_total; choose another prefix'
  })
  registerReadThroughMetrics(other, { registry, prefix: 'other' })
  t.equal((await linesOf(registry)).length, 2 * LINES.length)
  new Counter({ name: 'taken_feed_barriers_total', help: "the app's own", registers: [registry] })
  t.throws(() => registerReadThroughMetrics(other, { registry, prefix: 'taken' }), /taken_feed_barriers_total/)
  t.equal(registry.getSingleMetric('taken_reads_total'), undefined, 'and registers nothing')
})

t.test('registerReadThroughMetrics() has the numbers of workers joined as they should be', async t => {
  const workers = [STATS, { ...STATS, feed: { ...STATS.feed, isTrusted: false, lagMs: 20 } }]
  const scrapes = workers.map(async stats => {
    const registry = new Registry()
    registerReadThroughMetrics({ stats: () => stats }, { registry })
    return registry.getMetricsAsJSON()
  })
  const lines = await linesOf(AggregatorRegistry.aggregate(await Promise.all(scrapes)))
  for (const line of [
    'dashtam_cache_reads_total{namespace="accounts",result="miss"} 8',
    'dashtam_cache_memory_bytes 46',
    'dashtam_cache_feed_trusted 0',
    'dashtam_cache_feed_lag_seconds 0.02',
    'dashtam_cache_feed_mode{mode="tracking"} 2'
  ]) {
    t.ok(lines.includes(line), line)
  }
})

t.test('registerReadThroughMetrics() refuses options out of their range', async t => {
  const cache = { stats: () => STATS }
  t.throws(() => registerReadThroughMetrics(cache, { registry: {} as Registry }), {
    name: 'TypeError',
    message: /registry must be a prom-client Registry/
  })
  t.throws(
    () => registerReadThroughMetrics(cache, { registry: new Registry(), prefix: '9' }),
    /prefix must be a letter/
  )
})

async function linesOf(registry: Pick<Registry, 'metrics'>): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
}
