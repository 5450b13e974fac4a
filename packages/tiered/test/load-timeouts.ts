import t from 'tap'
import { LoadTimeoutError } from '../src/index.ts'
import { type Id, idsOf, MemoryFleet } from './fixtures/fleet/memory-fleet.ts'

t.test('get() gives up after the hard timeout, and aborts the load', async t => {
  const fleet = new MemoryFleet()
  const signals: AbortSignal[] = []
  let isSlow = true
  const { cache } = fleet.open()
  const family = cache.family<Id, string>(idsOf('a'), {
    load: (_, { signal }) => {
      signals.push(signal)
      return isSlow ? new Promise<never>(() => undefined) : 'v'
    },
    hardTimeoutMs: 20
  })
  const waiting = await Promise.allSettled([family.get({ id: 1 }), family.get({ id: 1 })])
  for (const each of waiting) {
    t.equal(each.status, 'rejected')
    const error = (each as PromiseRejectedResult).reason
    t.ok(error instanceof LoadTimeoutError)
    t.match(error, { name: 'LoadTimeoutError', family: 'a', timeoutMs: 20, message: /'a'.* within 20 ms/ })
  }
  t.equal(signals.length, 1)
  t.equal(signals[0]?.aborted, true)
  t.ok(signals[0]?.reason instanceof LoadTimeoutError)
  t.strictSame(await fleet.store.identify('fleet:a:1'), { ok: true, value: { kind: 'absent' } }, 'no lease is left')
  isSlow = false
  t.equal(await family.get({ id: 1 }), 'v')
  t.match(cache.stats().families.a, { loads: 2, loadTimeouts: 1, loadErrors: 1, errors: 2 })
})

t.test('get() does not hear what a loader answers after its time', async t => {
  const fleet = new MemoryFleet()
  const { promise, resolve } = Promise.withResolvers<string>()
  const family = fleet.open().cache.family(idsOf('a'), { load: () => promise, hardTimeoutMs: 10 })
  await t.rejects(family.get({ id: 1 }), { name: 'LoadTimeoutError' })
  resolve('late')
  await promise
  t.strictSame(await family.lookup({ id: 1 }), { ok: true, value: { kind: 'miss' } })
})

t.test('a loader that fails after its time is nobody’s unhandled rejection', async t => {
  const { promise, reject } = Promise.withResolvers<string>()
  const family = new MemoryFleet().open().cache.family(idsOf('a'), { load: () => promise, hardTimeoutMs: 10 })
  await t.rejects(family.get({ id: 1 }), { name: 'LoadTimeoutError' })
  reject(new Error('late'))
  await new Promise(resolve => setImmediate(resolve))
})

t.test('a load keeps its lease for as long as it runs', async t => {
  const fleet = new MemoryFleet()
  const { promise, resolve } = Promise.withResolvers<string>()
  const { cache, calls } = fleet.open({ leaseMs: 30 })
  const family = cache.family(idsOf('a'), { load: () => promise })
  const loading = family.get({ id: 1 })
  while (calls.filter(name => name === 'renew').length < 3) await new Promise(resolve => setTimeout(resolve, 5))
  resolve('v')
  t.equal(await loading, 'v')
  const renewals = calls.filter(name => name === 'renew').length
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(calls.filter(name => name === 'renew').length, renewals, 'and no longer')
})
