import type { Metric, Registry, RegistryContentType } from 'prom-client'

export interface PrometheusOptions {
  /** Where the metrics appear: prom-client's `register`, or a registry of the app's own. */
  readonly registry: Pick<Registry<RegistryContentType>, 'registerMetric' | 'getSingleMetric'>
  /**
   * What the names begin with: a letter, then letters, digits and `_`.
   * @defaultValue `'dashtam_cache'`
   */
  readonly prefix?: string
}

export interface Sample {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** A metric whose samples are made when somebody asks for them. */
export interface MetricDefinition<Snapshot> {
  /** Without the prefix. */
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** How prom-client's cluster support joins the workers' numbers. @defaultValue `'sum'` */
  readonly aggregator?: 'sum' | 'min' | 'max'
  /** @param name - With the prefix. */
  readonly samples: (snapshot: Snapshot, name: string) => Sample[]
}

/**
 * Registers all of the metrics or none, and nothing when they are there already.
 *
 * @param source - Whom the numbers belong to.
 * @throws TypeError when an option is wrong; `Error` when the registry has something else under one of the names.
 */
export function registerScraped<Snapshot>(
  source: object,
  snapshot: () => Snapshot,
  definitions: readonly MetricDefinition<Snapshot>[],
  { registry, prefix = 'dashtam_cache' }: PrometheusOptions
): void {
  if (typeof registry?.registerMetric !== 'function') {
    throw new TypeError(`registry must be a prom-client Registry, got ${registry === null ? 'null' : typeof registry}`)
  }
  if (typeof prefix !== 'string' || !/^[A-Za-z][A-Za-z0-9_]*$/.test(prefix)) {
    throw new TypeError(`prefix must be a letter, then letters, digits and _; got ${JSON.stringify(prefix)}`)
  }
  const exported = definitions.map(
    definition => new ScrapedMetric(source, snapshot, { ...definition, name: `${prefix}_${definition.name}` })
  )
  const wanted = exported.filter(metric => !isRegistered(registry, metric))
  // prom-client has no way to hand it finished buckets, but asks no more of a metric than what ScrapedMetric has.
  for (const metric of wanted) registry.registerMetric(metric as unknown as Metric)
}

/** What prom-client 15's registry needs of a metric (lib/registry.js): a name, and `get()` at scrape time. */
class ScrapedMetric<Snapshot> {
  /** Not readonly: an OpenMetrics registry takes the `_total` off and puts it back on each line. */
  name: string
  readonly source: object
  readonly help: string
  readonly type: MetricDefinition<Snapshot>['type']
  readonly aggregator: 'sum' | 'min' | 'max'
  readonly #snapshot: () => Snapshot
  readonly #samples: MetricDefinition<Snapshot>['samples']

  constructor(source: object, snapshot: () => Snapshot, definition: MetricDefinition<Snapshot>) {
    this.source = source
    this.name = definition.name
    this.help = definition.help
    this.type = definition.type
    this.aggregator = definition.aggregator ?? 'sum'
    this.#snapshot = snapshot
    this.#samples = definition.samples
  }

  async get() {
    const { name, help, type, aggregator } = this
    return { name, help, type, aggregator, values: this.#samples(this.#snapshot(), name) }
  }

  /** For `registry.resetMetrics()`. The numbers belong to their source. */
  reset(): void {}
}

function isRegistered(
  registry: PrometheusOptions['registry'],
  { name, source }: Pick<ScrapedMetric<unknown>, 'name' | 'source'>
): boolean {
  const present: unknown = registry.getSingleMetric(name)
  if (present === undefined) return false
  if (present instanceof ScrapedMetric && present.source === source) return true
  throw new Error(`the registry already has another metric named ${name}; choose another prefix`)
}
