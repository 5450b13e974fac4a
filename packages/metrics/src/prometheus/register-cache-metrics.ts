import type { CacheMetrics, CacheMetricsSnapshot } from '../cache-metrics.ts'
import type { LatencySnapshot } from '../latency-histogram.ts'
import type { NamespaceSnapshot } from '../namespace-recorder.ts'
import { type MetricDefinition, type PrometheusOptions, registerScraped, type Sample } from './scraped-metric.ts'

/**
 * Upper bounds of the exported histogram, in milliseconds: from a memory hit to a server that hangs. Each has at most
 * two significant digits, so it bounds a bucket of `LatencyHistogram` as well and nothing is estimated.
 */
const DURATION_BOUNDS_MS = [
  0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000
]

const METRICS: readonly MetricDefinition<CacheMetricsSnapshot>[] = [
  {
    name: 'requests_total',
    help: 'Keys looked up, by result.',
    type: 'counter',
    samples: ({ namespaces }) => namespaces.flatMap(requests)
  },
  {
    name: 'operations_total',
    help: 'Cache operations, by result.',
    type: 'counter',
    samples: ({ namespaces }) => namespaces.flatMap(operations)
  },
  {
    name: 'operation_duration_seconds',
    help: 'How long cache operations took, failed ones too.',
    type: 'histogram',
    samples: ({ namespaces }, name) => namespaces.flatMap(namespace => durations(name, namespace))
  }
]

/**
 * Makes `metrics` part of what `registry` answers to a scrape. Nothing happens between scrapes: the numbers are read
 * when they are asked for. With the default prefix these are
 *
 * - `dashtam_cache_requests_total{namespace, result}`: keys looked up; `result` is `hit`, `miss` or `error`;
 * - `dashtam_cache_operations_total{namespace, operation, result}`: calls; `result` is `ok` or `error`;
 * - `dashtam_cache_operation_duration_seconds{namespace, operation}`: a histogram of the calls whose time was taken.
 *
 * Doing it again with the same `metrics` changes nothing.
 *
 * @throws TypeError when an option is wrong; `Error` when the registry has something else under one of these names.
 * Nothing is registered then.
 */
export function registerCacheMetrics(metrics: CacheMetrics, options: PrometheusOptions): void {
  registerScraped(metrics, () => metrics.snapshot(), METRICS, options)
}

function requests({ namespace, hits, misses, errors }: NamespaceSnapshot): Sample[] {
  return [
    { labels: { namespace, result: 'hit' }, value: hits },
    { labels: { namespace, result: 'miss' }, value: misses },
    { labels: { namespace, result: 'error' }, value: errors }
  ]
}

function operations({ namespace, operations }: NamespaceSnapshot): Sample[] {
  return operations.flatMap(({ operation, ok, errors }) => [
    { labels: { namespace, operation, result: 'ok' }, value: ok },
    { labels: { namespace, operation, result: 'error' }, value: errors }
  ])
}

function durations(name: string, { namespace, operations }: NamespaceSnapshot): Sample[] {
  return operations.flatMap(({ operation, latency }) => {
    const labels = { namespace, operation }
    return [
      ...cumulative(latency).map(({ le, count }) => ({
        metricName: `${name}_bucket`,
        labels: { ...labels, le },
        value: count
      })),
      { metricName: `${name}_sum`, labels, value: latency.sumMs / 1_000 },
      { metricName: `${name}_count`, labels, value: latency.count }
    ]
  })
}

function cumulative({ count, buckets }: LatencySnapshot): { le: number | string; count: number }[] {
  let next = 0
  let seen = 0
  const bounded = DURATION_BOUNDS_MS.map(boundMs => {
    for (let bucket = buckets[next]; bucket !== undefined && bucket.upperBoundMs <= boundMs; bucket = buckets[++next]) {
      seen += bucket.count
    }
    return { le: boundMs / 1_000, count: seen }
  })
  return [...bounded, { le: '+Inf', count }]
}
