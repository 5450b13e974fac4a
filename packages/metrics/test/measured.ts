import { InMemoryCache } from '@dashtam/cache-memory'
import type { CacheOperation, CacheProtocol } from '@dashtam/cache-protocol'
import t from 'tap'
import { CacheMetrics, type MeasuredOptions, measured } from '../src/index.ts'

const namespaceOf = (key: string) => key.split(':')[1]

function setUp(options: Partial<MeasuredOptions> = {}, overrides: Partial<CacheProtocol> = {}) {
  const metrics = new CacheMetrics()
  const inner = Object.assign(new InMemoryCache({ keyspace: 'app' }), overrides)
  const cache = measured(inner, { metrics, namespaceOf, ...options })
  return { metrics, inner, cache }
}

/** Each operation but `scan` with good arguments, and the namespaces it counts for. */
const CALLS: readonly (readonly [CacheOperation, readonly unknown[], readonly string[]])[] = [
  ['get', ['app:user:1'], ['user']],
  ['getJson', ['app:user:1'], ['user']],
  ['take', ['app:user:1'], ['user']],
  ['getMany', [['app:user:1', 'app:list:1']], ['user', 'list']],
  ['set', ['app:user:1', '1', { ttlSeconds: 5 }], ['user']],
  ['setJson', ['app:user:1', 1, { ttlSeconds: 5 }], ['user']],
  ['setMany', [[['app:user:1', '1'], ['app:list:1', '1']], { ttlSeconds: 5 }], ['user', 'list']], // biome-ignore format: a row
  ['delete', ['app:user:1'], ['user']],
  ['deleteMany', [['app:user:1', 'app:list:1']], ['user', 'list']],
  ['deletePattern', ['app:user:*'], ['default']],
  ['exists', ['app:user:1'], ['user']],
  ['expire', ['app:user:1', 5], ['user']],
  ['ttl', ['app:user:1'], ['user']],
  ['increment', ['app:user:1', 2, { ttlSeconds: 5 }], ['user']],
  ['decrement', ['app:user:1', 2, { ttlSeconds: 5 }], ['user']],
  ['flush', [], ['default']],
  ['ping', [], ['default']]
]

type Methods = Readonly<Record<string, (...args: readonly unknown[]) => Promise<unknown>>>

const call = async (cache: CacheProtocol, operation: string, args: readonly unknown[]) =>
  (cache as unknown as Methods)[operation]?.(...args)

for (const [operation, args, namespaces] of CALLS) {
  t.test(`${operation}() hands the call on as it is, and counts it`, async t => {
    const answer = Object.freeze({ ok: true, value: new Map() })
    const seen: unknown[] = []
    const { cache, inner, metrics } = setUp(
      { clock: ticking(2) },
      {
        [operation](this: unknown, ...given: readonly unknown[]) {
          seen.push(this, given)
          return Promise.resolve(answer)
        }
      }
    )
    t.equal(await call(cache, operation, args), answer, 'the very object')
    t.equal(seen[0], inner, 'called on the cache itself')
    t.strictSame(seen[1], args)
    for (const each of namespaces) {
      const stats = metrics.getStats(each).operations[operation]
      t.match(stats, { ok: 1, errors: 0, latency: { count: 1, meanMs: 2 } }, each)
    }
    t.equal(countCalls(metrics), namespaces.length, 'and nowhere else')
  })

  t.test(`${operation}() hands a failure and a rejection on, and counts each as an error`, async t => {
    const closed = setUp()
    await closed.inner.close()
    t.match(await call(closed.cache, operation, args), { ok: false, error: { reason: 'closed' } })

    const boom = new Error('boom')
    const rejecting = setUp({}, { [operation]: () => Promise.reject(boom) })
    await t.rejects(call(rejecting.cache, operation, args), boom)
    const throwing = setUp({}, { [operation]: () => thrown(boom) })
    await t.rejects(call(throwing.cache, operation, args), boom)

    for (const { metrics } of [closed, rejecting, throwing]) {
      for (const each of namespaces) {
        const { operations, errors } = metrics.getStats(each)
        t.match(operations[operation], { ok: 0, errors: 1, latency: { count: 1 } })
        t.equal(errors, ['get', 'getJson', 'take', 'getMany'].includes(operation) ? 1 : 0, 'errors are of look-ups')
      }
    }
  })
}

t.test('get(), getJson() and take() count hits and misses', async t => {
  const { cache, metrics } = setUp()
  await cache.set('app:user:1', 'null')
  await cache.get('app:user:1')
  t.strictSame(await cache.getJson('app:user:1'), { ok: true, value: null }, 'a JSON null is a hit')
  await cache.take('app:user:1')
  await cache.take('app:user:1')
  await cache.get('app:user:1')
  await cache.getJson('app:user:2')
  t.match(metrics.getStats('user'), { hits: 3, misses: 3, errors: 0, hitRate: 0.5 })
})

t.test('getMany() counts each key once, in its namespace', async t => {
  const { cache, inner, metrics } = setUp()
  await inner.setMany([
    ['app:user:1', ''],
    ['app:user:2', '0']
  ])
  const keys = ['app:user:1', 'app:user:2', 'app:user:3', 'app:list:1', 'app:user:1']
  t.strictSame(await cache.getMany(keys), await inner.getMany(keys))
  t.match(metrics.getStats('user'), { hits: 2, misses: 1, operations: { getMany: { ok: 1 } } })
  t.match(metrics.getStats('list'), { hits: 0, misses: 1, operations: { getMany: { ok: 1 } } })
  await inner.close()
  await cache.getMany(keys)
  t.equal(metrics.getStats('user').errors, 3)
  t.equal(metrics.getStats('list').errors, 1)
})

t.test('getMany(), setMany() and deleteMany() read an iterable once', async t => {
  const { cache, metrics } = setUp()
  const entries = new Map([['app:user:1', 'a']])
  t.strictSame(await cache.setMany(entries.entries()), { ok: true, value: undefined })
  t.strictSame(await cache.getMany(entries.keys()), { ok: true, value: entries })
  t.strictSame(await cache.deleteMany(entries.keys()), { ok: true, value: 1 })
  t.match(metrics.getStats('user').operations, { setMany: { ok: 1 }, getMany: { ok: 1 }, deleteMany: { ok: 1 } })
})

t.test('getMany() counts under default when there are no keys, or none to be had', async t => {
  const { cache, metrics } = setUp()
  t.strictSame(await cache.getMany([]), { ok: true, value: new Map() })
  const boom = new Error('boom')
  const broken = { [Symbol.iterator]: () => thrown(boom) }
  await t.rejects(cache.getMany(broken), boom)
  t.match(metrics.getStats('default').operations, { getMany: { ok: 1, errors: 1 } })
})

t.test('namespaceOf() that names nothing or throws leaves the key under default', async t => {
  const unnamed = setUp({ namespaceOf: () => undefined })
  const throwing = setUp({ namespaceOf: () => thrown(new Error('boom')) })
  const metrics = new CacheMetrics()
  const without = { metrics, cache: measured(new InMemoryCache({ keyspace: 'app' }), { metrics }) }
  for (const { cache, metrics } of [unnamed, throwing, without]) {
    t.strictSame(await cache.get('app:user:1'), { ok: true, value: undefined })
    t.match(metrics.getStats('default'), { misses: 1, operations: { get: { ok: 1 } } })
    t.strictSame(metrics.namespaces(), ['default'])
  }
})

t.test('measured() has scan() only where the cache does', async t => {
  t.equal('scan' in setUp().cache, true)
  t.equal('scan' in setUp({}, { scan: undefined } as unknown as Partial<CacheProtocol>).cache, false)
})

t.test('scan() yields what the cache yields and counts once, at its end', async t => {
  const { cache, inner, metrics } = setUp()
  const scans = () => metrics.getStats('default').operations.scan
  await inner.setMany([
    ['app:user:1', ''],
    ['app:user:2', '']
  ])
  t.strictSame(
    (await collect(cache.scan?.('app:*'))).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
    [
      { ok: true, value: 'app:user:1' },
      { ok: true, value: 'app:user:2' }
    ]
  )
  t.match(scans(), { ok: 1, errors: 0, latency: { count: 0 } })
  await collect(cache.scan?.('app:none:*'))
  t.match(scans(), { ok: 2, errors: 0 }, 'finding nothing is fine')
  await inner.close()
  t.match(await collect(cache.scan?.('app:*')), [{ ok: false }])
  t.match(scans(), { ok: 2, errors: 1 })
})

t.test('scan() lets the cache know when its reader leaves, and hands a rejection on', async t => {
  let left = 0
  const leaving = setUp(
    {},
    {
      async *scan() {
        try {
          for (;;) yield { ok: true as const, value: 'app:user:1' }
        } finally {
          left++
        }
      }
    }
  )
  for await (const _ of leaving.cache.scan?.('app:*') ?? []) break
  t.equal(left, 1)
  t.match(leaving.metrics.getStats('default').operations.scan, { ok: 1, errors: 0 })

  const boom = new Error('boom')
  // biome-ignore lint/correctness/useYield: it fails before it yields
  const failing = setUp({}, { scan: async function* () { throw boom } }) // biome-ignore format: a row
  await t.rejects(collect(failing.cache.scan?.('app:*')), boom)
  t.match(failing.metrics.getStats('default').operations.scan, { ok: 0, errors: 1 })
})

t.test('close() closes the cache and counts nothing', async t => {
  const { cache, inner, metrics } = setUp()
  t.strictSame(await cache.close(), { ok: true, value: undefined })
  t.match(await inner.ping(), { ok: false })
  t.equal(countCalls(metrics), 0)
})

t.test('sampleLatencyEvery takes the time of one call in so many, and counts all', async t => {
  let chance = 0
  let readings = 0
  const { cache, metrics } = setUp({
    sampleLatencyEvery: 4,
    random: () => (chance = (chance + 0.25) % 1),
    clock: () => readings++
  })
  for (let times = 0; times < 100; times++) await cache.get('app:user:1')
  t.match(metrics.getStats('user'), {
    misses: 100,
    operations: { get: { ok: 100, latency: { count: 25, meanMs: 1 } } }
  })
  t.equal(readings, 50, 'the clock is not read for the others')
})

t.test('measured() refuses options out of their range', async t => {
  const { inner, metrics } = setUp()
  for (const [options, message] of [
    [{ metrics: undefined }, 'metrics must be a CacheMetrics, got undefined'],
    [{ metrics: null }, 'metrics must be a CacheMetrics, got null'],
    [{ metrics: {} }, 'metrics must be a CacheMetrics, got object'],
    [{ metrics, namespaceOf: 'user' }, 'namespaceOf must be a function, got string'],
    [{ metrics, clock: 5 }, 'clock must be a function, got number'],
    [{ metrics, random: null }, 'random must be a function, got object'],
    [{ metrics, sampleLatencyEvery: 0 }, 'sampleLatencyEvery must be an integer of at least 1, got 0'],
    [{ metrics, sampleLatencyEvery: 1.5 }, 'sampleLatencyEvery must be an integer of at least 1, got 1.5']
  ] as const) {
    t.throws(() => measured(inner, options as unknown as MeasuredOptions), { name: 'TypeError', message })
  }
})

function ticking(stepMs: number): () => number {
  let nowMs = 0
  return () => (nowMs += stepMs)
}

function thrown(error: Error): never {
  throw error
}

function countCalls(metrics: CacheMetrics): number {
  const tallies = metrics.namespaces().flatMap(name => Object.values(metrics.getStats(name).operations))
  return tallies.reduce((total, { ok, errors }) => total + ok + errors, 0)
}

async function collect<T>(items: AsyncIterable<T> | undefined): Promise<T[]> {
  const all: T[] = []
  for await (const item of items ?? []) all.push(item)
  return all
}
