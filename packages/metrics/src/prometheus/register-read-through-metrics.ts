import type { FamilyStats, FeedStats, ReadThroughStats } from '@dashtam/cache-protocol'
import { type MetricDefinition, type PrometheusOptions, registerScraped, type Sample } from './scraped-metric.ts'

/** By result, and by tier where there is one. */
const READS: Partial<Record<keyof FamilyStats, Readonly<Record<string, string>>>> = {
  memoryHits: { result: 'hit', tier: 'memory' },
  sharedHits: { result: 'hit', tier: 'shared' },
  staleHits: { result: 'stale' },
  misses: { result: 'miss' },
  collapsed: { result: 'collapsed' },
  errors: { result: 'error' }
}

const INVALIDATIONS: typeof READS = { invalidations: { result: 'ok' }, pending: { result: 'pending' } }

const MODES: readonly FeedStats['mode'][] = ['tracking', 'pubsub', 'local', 'none']

const METRICS: readonly MetricDefinition<ReadThroughStats>[] = [
  ofFamilies('reads_total', 'Reads, by how they were served.', READS),
  ofFamilies('loads_total', 'Calls of a loader.', { loads: {} }),
  ofFamilies('load_errors_total', 'Calls of a loader that failed.', { loadErrors: {} }),
  ofFamilies('load_timeouts_total', 'Calls of a loader that took too long.', { loadTimeouts: {} }),
  ofFamilies('refreshes_total', 'Calls of a loader for a value that could still be served.', { refreshes: {} }),
  ofFamilies('fenced_total', 'Loaded values not stored because of an invalidation meanwhile.', { fenced: {} }),
  ofFamilies('unstorable_total', 'Loaded values not stored because the codec refuses them.', { unstorable: {} }),
  ofFamilies('unreadable_total', 'Entries that could not be read, and counted as misses.', { unreadable: {} }),
  ofFamilies('confirmed_total', 'Suspect values in memory that were the current ones.', { confirmed: {} }),
  ofFamilies('degraded_reads_total', 'Reads that found the shared store out of reach.', { degraded: {} }),
  ofFamilies('invalidations_total', 'Invalidations, by whether they were acknowledged at once.', INVALIDATIONS),
  ofEngine('undelivered_invalidations', 'gauge', 'Invalidations still to be delivered.', ({ owed }) => owed),
  ofEngine('memory_entries', 'gauge', 'Values in memory.', ({ memory }) => memory.entries),
  ofEngine('memory_bytes', 'gauge', 'Size of the values in memory.', ({ memory }) => memory.bytes),
  ofEngine('memory_evictions_total', 'counter', 'Values that made room.', ({ memory }) => memory.evictions),
  {
    ...ofEngine('feed_trusted', 'gauge', 'Whether every change is heard of: 1 or 0.', ({ feed }) => +feed.isTrusted),
    aggregator: 'min'
  },
  {
    name: 'feed_mode',
    help: 'How changes are heard of: 1 for the mode that holds.',
    type: 'gauge',
    samples: ({ feed }) => MODES.map(mode => ({ labels: { mode }, value: +(mode === feed.mode) }))
  },
  {
    ...ofEngine('feed_lag_seconds', 'gauge', 'Round trip of the last heartbeat.', ({ feed: { lagMs } }) =>
      lagMs === undefined ? undefined : lagMs / 1_000
    ),
    aggregator: 'max'
  },
  ofEngine('feed_gaps_total', 'counter', 'How often changes may have been missed.', ({ feed }) => feed.gaps),
  ofEngine('feed_messages_total', 'counter', 'Messages about changes.', ({ feed }) => feed.messages),
  ofEngine('feed_barriers_total', 'counter', 'Barriers that strong reads asked for.', ({ feed }) => feed.barriers)
]

/**
 * Makes what a read-through cache counts part of what `registry` answers to a scrape; nothing happens between scrapes.
 * The README lists the metrics. Doing it again with the same `cache` changes nothing.
 *
 * @throws TypeError when an option is wrong; `Error` when the registry has something else under one of the names.
 * Nothing is registered then.
 */
export function registerReadThroughMetrics(cache: { stats(): ReadThroughStats }, options: PrometheusOptions): void {
  registerScraped(cache, () => cache.stats(), METRICS, options)
}

/** A counter with a sample for each family and each of `labelsOf`. */
function ofFamilies(name: string, help: string, labelsOf: typeof READS): MetricDefinition<ReadThroughStats> {
  const wanted = Object.entries(labelsOf) as [keyof FamilyStats, Readonly<Record<string, string>>][]
  return {
    name,
    help,
    type: 'counter',
    samples: ({ families }) =>
      Object.entries(families).flatMap(([namespace, stats]) =>
        wanted.map(([field, labels]) => ({ labels: { namespace, ...labels }, value: stats[field] }))
      )
  }
}

function ofEngine(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  pick: (stats: ReadThroughStats) => number | undefined
): MetricDefinition<ReadThroughStats> {
  return {
    name,
    help,
    type,
    samples: (stats): Sample[] => {
      const value = pick(stats)
      return value === undefined ? [] : [{ labels: {}, value }]
    }
  }
}
