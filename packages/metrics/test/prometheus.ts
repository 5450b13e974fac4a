import { AggregatorRegistry, Counter, Histogram, type OpenMetricsContentType, Registry } from 'prom-client'
import t from 'tap'
import { CacheMetrics } from '../src/index.ts'
import { registerCacheMetrics } from '../src/prometheus.ts'

function setUp(options: { prefix?: string } = {}) {
  const metrics = new CacheMetrics()
  const registry = new Registry()
  registerCacheMetrics(metrics, { registry, ...options })
  return { metrics, registry }
}

/** The sample lines of a scrape: name and labels -> value. */
async function scrape(registry: Pick<Registry, 'metrics'>): Promise<Map<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))])
  )
}

t.test('registerCacheMetrics() exports look-ups, operations and their durations', async t => {
  const { metrics, registry } = setUp()
  metrics.recordHit('accounts')
  metrics.recordHit('accounts')
  metrics.recordMiss('accounts')
  metrics.recordOperation('accounts', 'get', 'ok')
  metrics.recordOperation('accounts', 'get', 'error')
  for (const ms of [0.0005, 0.25, 0.2501, 2, 60_000]) metrics.recordLatency('accounts', ms)
  t.equal(
    await registry.metrics(),
    `# HELP dashtam_cache_requests_total Keys looked up, by result.
# TYPE dashtam_cache_requests_total counter
dashtam_cache_requests_total{namespace="accounts",result="hit"} 2
dashtam_cache_requests_total{namespace="accounts",result="miss"} 1
dashtam_cache_requests_total{namespace="accounts",result="error"} 0

# HELP dashtam_cache_operations_total Cache operations, by result.
# TYPE dashtam_cache_operations_total counter
dashtam_cache_operations_total{namespace="accounts",operation="get",result="ok"} 1
dashtam_cache_operations_total{namespace="accounts",operation="get",result="error"} 1

# HELP dashtam_cache_operation_duration_seconds How long cache operations took, failed ones too.
# TYPE dashtam_cache_operation_duration_seconds histogram
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.00001"} 1
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.000025"} 1
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.00005"} 1
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.0001"} 1
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.00025"} 2
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.0005"} 3
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.001"} 3
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.0025"} 4
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.005"} 4
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.01"} 4
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.025"} 4
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.05"} 4
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.1"} 4
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.25"} 4
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.5"} 4
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="1"} 4
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="2.5"} 4
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="5"} 4
dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="+Inf"} 5
dashtam_cache_operation_duration_seconds_sum{namespace="accounts",operation="get"} 60.0025006
dashtam_cache_operation_duration_seconds_count{namespace="accounts",operation="get"} 5
`
  )
})

t.test('registerCacheMetrics() counts a duration in the bucket whose bound it is', async t => {
  const { metrics, registry } = setUp()
  const bounds = async () =>
    [...(await scrape(registry))].flatMap(([line, value]) => {
      const le = /le="([\d.]+)"/.exec(line)?.[1]
      return le === undefined ? [] : [{ le: Number(le), value }]
    })
  metrics.recordLatency('accounts', 100_000)
  const all = (await bounds()).map(({ le }) => le)
  t.equal(all.length, 18)
  for (const le of all) metrics.recordLatency('accounts', le * 1_000)
  t.strictSame(
    await bounds(),
    all.map((le, index) => ({ le, value: index + 1 }))
  )
})

t.test('registerCacheMetrics() exports the same durations as a histogram of prom-client would', async t => {
  const { metrics, registry } = setUp()
  const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]
  const reference = new Histogram({ name: 'reference', help: 'as it should be', buckets, registers: [] })
  for (let index = 1; index <= 2_000; index++) {
    const ms = (index * 7919) % 1_500
    metrics.recordLatency('accounts', ms)
    reference.observe(ms / 1_000)
  }
  const ours = await scrape(registry)
  for (const { metricName = '', labels, value } of (await reference.get()).values) {
    const { le } = labels as { le?: number | string }
    const name = metricName.replace('reference', 'dashtam_cache_operation_duration_seconds')
    const exported = ours.get(`${name}{namespace="accounts",operation="get"${le === undefined ? '' : `,le="${le}"`}}`)
    t.ok(exported !== undefined && Math.abs(exported - value) < 1e-6, `${metricName} ${le ?? ''}`)
  }
})

t.test('registerCacheMetrics() never lets a number fall while it counts', async t => {
  const { metrics, registry } = setUp()
  let before = new Map<string, number>()
  for (let round = 0; round < 20; round++) {
    metrics.recordHit(`n${round % 3}`)
    metrics.recordOperation(`n${round % 3}`, 'get', round % 2 === 0 ? 'ok' : 'error')
    metrics.recordLatency(`n${round % 3}`, 10 ** ((round % 7) - 3))
    if (round === 10) registry.resetMetrics()
    const now = await scrape(registry)
    for (const [line, value] of before) if (!((now.get(line) ?? -1) >= value)) t.fail(`${line} fell`)
    before = now
  }
  t.ok(before.size > 60)
})

t.test('registerCacheMetrics() escapes names, hostile ones too', async t => {
  const { metrics, registry } = setUp()
  for (const name of ['__proto__', 'constructor', 'a"b\\c\nd']) metrics.recordHit(name)
  const lines = await scrape(registry)
  for (const label of ['__proto__', 'constructor', 'a\\"b\\\\c\\nd']) {
    t.equal(lines.get(`dashtam_cache_requests_total{namespace="${label}",result="hit"}`), 1)
  }
})

t.test('registerCacheMetrics() again with the same metrics changes nothing', async t => {
  const { metrics, registry } = setUp()
  metrics.recordHit('accounts')
  const before = await registry.metrics()
  registerCacheMetrics(metrics, { registry })
  t.equal(await registry.metrics(), before)
})

t.test('registerCacheMetrics() refuses a name that is taken, and registers nothing', async t => {
  const { registry } = setUp()
  const metrics = new CacheMetrics()
  t.throws(() => registerCacheMetrics(metrics, { registry }), {
    message: 'the registry already has another metric named dashtam_cache_requests_total; choose another prefix'
  })
  new Counter({ name: 'l2_operations_total', help: "the app's own", registers: [registry] })
  t.throws(() => registerCacheMetrics(metrics, { registry, prefix: 'l2' }), /another metric named l2_operations_total/)
  t.equal(registry.getSingleMetric('l2_requests_total'), undefined)
  registerCacheMetrics(metrics, { registry, prefix: 'l1' })
  t.equal(registry.getMetricsAsArray().length, 7)
})

t.test('registerCacheMetrics() works with OpenMetrics, default labels and the aggregation of workers', async t => {
  const metrics = new CacheMetrics()
  const registry = new Registry<OpenMetricsContentType>()
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  registerCacheMetrics(metrics, { registry })
  registry.setDefaultLabels({ app: 'demo' })
  metrics.recordHit('accounts')
  t.equal((await scrape(registry)).get('dashtam_cache_requests_total{namespace="accounts",result="hit",app="demo"}'), 1)
  t.match(await registry.metrics(), '# TYPE dashtam_cache_requests counter\n')
  registerCacheMetrics(metrics, { registry })
  t.equal(registry.getMetricsAsArray().length, 3)

  const worker = setUp()
  worker.metrics.recordHit('accounts')
  worker.metrics.recordLatency('accounts', 1)
  const json = await worker.registry.getMetricsAsJSON()
  const both = await scrape(AggregatorRegistry.aggregate([json, json]))
  t.equal(both.get('dashtam_cache_requests_total{namespace="accounts",result="hit"}'), 2)
  const bucket = 'dashtam_cache_operation_duration_seconds_bucket{namespace="accounts",operation="get",le="0.001"}'
  t.equal(both.get(bucket), 2)
})

t.test('registerCacheMetrics() refuses options out of their range', async t => {
  const metrics = new CacheMetrics()
  const registry = new Registry()
  for (const prefix of ['', '9a', 'a-b', 'a b', 'a:b', '_a', null]) {
    t.throws(() => registerCacheMetrics(metrics, { registry, prefix: prefix as string }), {
      name: 'TypeError',
      message: `prefix must be a letter, then letters, digits and _; got ${JSON.stringify(prefix)}`
    })
  }
  for (const missing of [undefined, null]) {
    t.throws(() => registerCacheMetrics(metrics, { registry: missing as unknown as Registry }), {
      name: 'TypeError',
      message: `registry must be a prom-client Registry, got ${missing}`
    })
  }
})
