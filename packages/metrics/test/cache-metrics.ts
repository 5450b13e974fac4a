import type { CacheOperation } from '@dashtam/cache-protocol'
import t from 'tap'
import { CacheMetrics } from '../src/index.ts'

const NO_LATENCY = { count: 0, meanMs: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0 }
const NOTHING = { hits: 0, misses: 0, errors: 0, totalRequests: 0, hitRate: 0, latency: NO_LATENCY, operations: {} }

t.test('recordHit(), recordMiss() and recordError() count keys looked up', async t => {
  const metrics = new CacheMetrics()
  for (let times = 0; times < 6; times++) metrics.recordHit('provider')
  for (let times = 0; times < 3; times++) metrics.recordMiss('provider')
  metrics.recordError('provider')
  metrics.recordMiss('accounts')
  t.match(metrics.getStats('provider'), { hits: 6, misses: 3, errors: 1, totalRequests: 10, hitRate: 0.6 })
  t.match(metrics.getStats('accounts'), { hits: 0, misses: 1, errors: 0, totalRequests: 1, hitRate: 0 })
})

t.test('recordOperation() counts calls by how they ended', async t => {
  const metrics = new CacheMetrics()
  metrics.recordOperation('provider', 'set', 'ok')
  metrics.recordOperation('provider', 'set', 'ok')
  metrics.recordOperation('provider', 'set', 'error')
  metrics.recordOperation('provider', 'delete', 'ok')
  t.strictSame(metrics.getStats('provider'), {
    ...NOTHING,
    operations: {
      set: { ok: 2, errors: 1, latency: NO_LATENCY },
      delete: { ok: 1, errors: 0, latency: NO_LATENCY }
    }
  })
})

t.test('recordLatency() counts for its operation, a get unless said otherwise, and for the whole', async t => {
  const metrics = new CacheMetrics()
  metrics.recordLatency('provider', 1)
  metrics.recordLatency('provider', 3, 'set')
  const { latency, operations } = metrics.getStats('provider')
  t.match(latency, { count: 2, meanMs: 2 })
  t.match(operations.get?.latency, { count: 1, meanMs: 1 })
  t.match(operations.set?.latency, { count: 1, meanMs: 3 })
})

t.test('recordOperation() and recordLatency() refuse what is not an operation of the port', async t => {
  const metrics = new CacheMetrics()
  for (const name of ['load', '__proto__', 'constructor', '']) {
    const operation = name as CacheOperation
    t.throws(() => metrics.recordOperation('provider', operation, 'ok'), { name: 'TypeError', message: /^operation / })
    t.throws(() => metrics.recordLatency('provider', 1, operation), TypeError)
  }
  t.strictSame(metrics.getStats('provider'), NOTHING)
})

t.test('namespace() is a handle onto the same numbers, also after reset()', async t => {
  const metrics = new CacheMetrics()
  const provider = metrics.namespace('provider')
  provider.recordHit()
  metrics.recordHit('provider')
  t.equal(provider, metrics.namespace('provider'))
  t.equal(metrics.getStats('provider').hits, 2)
  metrics.reset()
  provider.recordMiss()
  t.match(provider.getStats(), { hits: 0, misses: 1 })
  t.strictSame(metrics.getStats('provider'), provider.getStats())
})

t.test('getStats() is all zero for a name it does not know, and does not learn it', async t => {
  const metrics = new CacheMetrics()
  t.strictSame(metrics.getStats('provider'), NOTHING)
  t.strictSame(metrics.namespaces(), [])
})

t.test('recordHit() counts under other what comes after maxNamespaces names', async t => {
  const metrics = new CacheMetrics({ maxNamespaces: 3 })
  for (let index = 0; index < 1_000; index++) metrics.recordHit(`n${index}`)
  t.strictSame(metrics.namespaces(), ['n0', 'n1', 'n2', 'other'])
  t.equal(metrics.getStats('n2').hits, 1)
  t.equal(metrics.getStats('n3').hits, 0)
  t.equal(metrics.getStats('other').hits, 997)
})

t.test('recordHit() takes other for a name too, which is none of the maxNamespaces', async t => {
  const metrics = new CacheMetrics({ maxNamespaces: 2 })
  for (const name of ['other', 'a', 'b', 'c']) metrics.recordHit(name)
  t.strictSame(metrics.namespaces(), ['other', 'a', 'b'])
  t.equal(metrics.getStats('other').hits, 2)
})

t.test('namespaces() has a hundred names by default', async t => {
  const metrics = new CacheMetrics()
  for (let index = 0; index < 500; index++) metrics.recordMiss(`n${index}`)
  t.equal(metrics.namespaces().length, 101)
})

t.test('recordHit() takes any string for a name', async t => {
  const metrics = new CacheMetrics()
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', 'a\nb"\\', '\ud800']
  for (const name of names) metrics.recordHit(name)
  t.strictSame(metrics.namespaces(), names)
  for (const name of names) t.equal(metrics.getStats(name).hits, 1)
  t.equal(metrics.getStats('valueOf').hits, 0)
})

t.test('snapshot() is a copy of everything, with its start', async t => {
  let nowMs = 1_000
  const metrics = new CacheMetrics({ clock: () => nowMs })
  metrics.recordHit('provider')
  metrics.recordOperation('provider', 'get', 'ok')
  metrics.recordLatency('provider', 2.5)
  nowMs = 2_000
  const snapshot = metrics.snapshot()
  metrics.recordHit('provider')
  metrics.recordLatency('provider', 2.5)
  t.strictSame(snapshot, {
    startedAtMs: 1_000,
    namespaces: [
      {
        namespace: 'provider',
        hits: 1,
        misses: 0,
        errors: 0,
        operations: [
          {
            operation: 'get',
            ok: 1,
            errors: 0,
            latency: { count: 1, sumMs: 2.5, buckets: [{ upperBoundMs: 2.5, count: 1 }] }
          }
        ]
      }
    ]
  })
})

t.test('reset() sets every number to 0 and starts anew', async t => {
  let nowMs = 1_000
  const metrics = new CacheMetrics({ clock: () => nowMs })
  metrics.recordHit('provider')
  metrics.recordMiss('provider')
  metrics.recordError('provider')
  metrics.recordOperation('provider', 'set', 'ok')
  metrics.recordOperation('provider', 'set', 'error')
  metrics.recordLatency('provider', 1, 'set')
  nowMs = 5_000
  metrics.reset()
  t.equal(metrics.snapshot().startedAtMs, 5_000)
  t.strictSame(metrics.namespaces(), ['provider'])
  t.strictSame(metrics.getStats('provider'), {
    ...NOTHING,
    operations: { set: { ok: 0, errors: 0, latency: NO_LATENCY } }
  })
})

t.test('new CacheMetrics() refuses options out of their range', async t => {
  for (const maxNamespaces of [0, -1, 1.5, Number.NaN, Infinity, '5', null]) {
    t.throws(() => new CacheMetrics({ maxNamespaces: maxNamespaces as number }), {
      name: 'TypeError',
      message: `maxNamespaces must be an integer of at least 1, got ${maxNamespaces}`
    })
  }
  t.throws(() => new CacheMetrics({ clock: 5 as never }), {
    name: 'TypeError',
    message: 'clock must be a function, got number'
  })
})
