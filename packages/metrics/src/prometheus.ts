import type { Metric, Registry, RegistryContentType } from 'prom-client'
import type { CacheMetrics } from './cache-metrics.ts'
import type { LatencySnapshot } from './latency-histogram.ts'
import type { NamespaceSnapshot } from './namespace-recorder.ts'

export interface PrometheusOptions {
  /** Where the metrics appear: prom-client's `register`, or a registry of the app's own. */
  readonly registry: Pick<Registry<RegistryContentType>, 'registerMetric' | 'getSingleMetric'>
  /**
   * What the names begin with: a letter, then letters, digits and `_`.
   * @defaultValue `'dashtam_cache'`
   */
  readonly prefix?: string
}

/**
 * Upper bounds of the exported histogram, in milliseconds: from a memory hit to a server that hangs. Each has at most
 * two significant digits, so it bounds a bucket of `LatencyHistogram` as well and nothing is estimated.
 */
const DURATION_BOUNDS_MS = [
  0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000
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
  const { registry, prefix = 'dashtam_cache' } = options
  if (typeof registry?.registerMetric !== 'function') {
    throw new TypeError(`registry must be a prom-client Registry, got ${registry === null ? 'null' : typeof registry}`)
  }
  if (typeof prefix !== 'string' || !/^[A-Za-z][A-Za-z0-9_]*$/.test(prefix)) {
    throw new TypeError(`prefix must be a letter, then letters, digits and _; got ${JSON.stringify(prefix)}`)
  }
  const exported = [
    new ScrapedMetric(metrics, `${prefix}_requests_total`, 'Keys looked up, by result.', 'counter', requests),
    new ScrapedMetric(metrics, `${prefix}_operations_total`, 'Cache operations, by result.', 'counter', operations),
    new ScrapedMetric(
      metrics,
      `${prefix}_operation_duration_seconds`,
      'How long cache operations took, failed ones too.',
      'histogram',
      durations
    )
  ]
  const wanted = exported.filter(metric => !isRegistered(registry, metric))
  // prom-client has no way to hand it finished buckets, but asks no more of a metric than what ScrapedMetric has.
  for (const metric of wanted) registry.registerMetric(metric as unknown as Metric)
}

interface Sample {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** What prom-client 15's registry needs of a metric (lib/registry.js): a name, and `get()` at scrape time. */
class ScrapedMetric {
  /** Not readonly: an OpenMetrics registry takes the `_total` off and puts it back on each line. */
  name: string
  readonly source: CacheMetrics
  readonly help: string
  readonly type: 'counter' | 'histogram'
  /** How prom-client's cluster support joins the workers' numbers. */
  readonly aggregator = 'sum'
  readonly #samples: (name: string, namespace: NamespaceSnapshot) => Sample[]

  constructor(
    source: CacheMetrics,
    name: string,
    help: string,
    type: ScrapedMetric['type'],
    samples: (name: string, namespace: NamespaceSnapshot) => Sample[]
  ) {
    this.source = source
    this.name = name
    this.help = help
    this.type = type
    this.#samples = samples
  }

  async get() {
    const { name, help, type, aggregator } = this
    const values = this.source.snapshot().namespaces.flatMap(namespace => this.#samples(name, namespace))
    return { name, help, type, aggregator, values }
  }

  /** For `registry.resetMetrics()`. The numbers belong to `CacheMetrics`, which has a `reset()` of its own. */
  reset(): void {}
}

function isRegistered(registry: PrometheusOptions['registry'], { name, source }: ScrapedMetric): boolean {
  const present: unknown = registry.getSingleMetric(name)
  if (present === undefined) return false
  if (present instanceof ScrapedMetric && present.source === source) return true
  throw new Error(`the registry already has another metric named ${name}; choose another prefix`)
}

function requests(_name: string, { namespace, hits, misses, errors }: NamespaceSnapshot): Sample[] {
  return [
    { labels: { namespace, result: 'hit' }, value: hits },
    { labels: { namespace, result: 'miss' }, value: misses },
    { labels: { namespace, result: 'error' }, value: errors }
  ]
}

function operations(_name: string, { namespace, operations }: NamespaceSnapshot): Sample[] {
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
