import t from 'tap'
import { HeldFeed } from './fixtures/fleet/held-feed.ts'
import { type Id, idsOf, MemoryFleet, turn } from './fixtures/fleet/memory-fleet.ts'

/** A loader that waits for the test, and its signals. */
function heldLoader() {
  const signals: AbortSignal[] = []
  const { promise, resolve } = Promise.withResolvers<string>()
  const load = (_: Id, { signal }: { readonly signal: AbortSignal }) => {
    signals.push(signal)
    return promise
  }
  return { load, signals, resolve }
}

t.test('get() rejects with the reason of its signal, and the load goes on for the others', async t => {
  const { load, signals, resolve } = heldLoader()
  const family = new MemoryFleet().open().cache.family(idsOf('a'), { load })
  const leaving = new AbortController()
  const left = family.get({ id: 1 }, { signal: leaving.signal })
  await turn()
  const staying = family.get({ id: 1 }, { signal: new AbortController().signal })
  await turn()
  leaving.abort('changed my mind')
  await t.rejects(left, 'changed my mind')
  t.equal(signals[0]?.aborted, false)
  resolve('v')
  t.equal(await staying, 'v')
  t.equal(signals.length, 1)
})

t.test('get() aborts the load with its last waiter, and the next read loads anew', async t => {
  const fleet = new MemoryFleet()
  const { load, signals, resolve } = heldLoader()
  const family = fleet.open().cache.family(idsOf('a'), { load })
  const leaving = [new AbortController(), new AbortController()]
  const left = leaving.map(({ signal }) => family.get({ id: 1 }, { signal }))
  await turn()
  leaving[0]?.abort(new Error('first'))
  await t.rejects(left[0] as Promise<string>, { message: 'first' })
  t.equal(signals[0]?.aborted, false)
  leaving[1]?.abort(new Error('second'))
  await t.rejects(left[1] as Promise<string>, { message: 'second' })
  t.equal(signals[0]?.aborted, true)
  t.match(signals[0]?.reason, { name: 'AbortError' })
  t.strictSame(await fleet.store.identify('fleet:a:1'), { ok: true, value: { kind: 'absent' } }, 'no lease is left')
  const reading = family.get({ id: 1 })
  await turn()
  t.equal(signals.length, 2)
  resolve('v')
  t.equal(await reading, 'v')
})

t.test('get() never aborts a load for which somebody waits without a signal', async t => {
  const { load, signals, resolve } = heldLoader()
  const family = new MemoryFleet().open().cache.family(idsOf('a'), { load })
  const staying = family.get({ id: 1 })
  const leaving = new AbortController()
  const left = family.get({ id: 1 }, { signal: leaving.signal })
  await turn()
  leaving.abort(new Error('gone'))
  await t.rejects(left, { message: 'gone' })
  t.equal(signals[0]?.aborted, false)
  resolve('v')
  t.equal(await staying, 'v')
})

t.test('get() does nothing when its signal is aborted already', async t => {
  const { cache, calls } = new MemoryFleet().open()
  const family = cache.family(idsOf('a'), { load: () => t.fail('is not called') })
  calls.length = 0
  await t.rejects(family.get({ id: 1 }, { signal: AbortSignal.abort(new Error('too late')) }), { message: 'too late' })
  t.strictSame(calls, [])
})

t.test('get() loads nothing when it is abandoned while it asks the store', async t => {
  const fleet = new MemoryFleet()
  const { cache, hold } = fleet.open()
  const family = cache.family(idsOf('a'), { load: () => t.fail('is not called') })
  const gate = hold('acquire', 'answer')
  const leaving = new AbortController()
  const left = family.get({ id: 1 }, { signal: leaving.signal })
  await gate.reached
  leaving.abort(new Error('gone'))
  await t.rejects(left, { message: 'gone' })
  gate.open()
  await turn()
  t.strictSame(await fleet.store.identify('fleet:a:1'), { ok: true, value: { kind: 'absent' } }, 'no lease is left')
})

t.test('get() hears of a signal that is aborted while it waits for its barrier', async t => {
  const fleet = new MemoryFleet()
  const { promise: passed, resolve: pass } = Promise.withResolvers<void>()
  const feed = new HeldFeed(fleet.store.openFeed())
  const { load, signals } = heldLoader()
  const family = fleet.open({}, feed).cache.family(idsOf('a'), { load })
  feed.atBarrier = passed
  const leaving = new AbortController()
  const left = family.get({ id: 1 }, { signal: leaving.signal, consistency: 'strong' })
  leaving.abort(new Error('gone'))
  pass()
  await t.rejects(left, { message: 'gone' })
  await turn()
  t.strictSame(signals, [], 'nothing is loaded')
})

t.test('get() gives up waiting for another process when it is aborted', async t => {
  const fleet = new MemoryFleet()
  const { load, resolve } = heldLoader()
  const elsewhere = fleet.open().cache.family(idsOf('a'), { load }).get({ id: 1 })
  await turn()
  const { cache, calls } = fleet.open()
  const family = cache.family(idsOf('a'), { load: () => t.fail('is not called') as never })
  const leaving = new AbortController()
  const left = family.get({ id: 1 }, { signal: leaving.signal })
  await turn()
  leaving.abort(new Error('gone'))
  await t.rejects(left, { message: 'gone' })
  const asked = calls.length
  resolve('v')
  t.equal(await elsewhere, 'v')
  await turn()
  t.equal(calls.length, asked, 'it asks no more')
  t.equal(await family.get({ id: 1 }), 'v')
})

t.test('get() aborts a load that its flight has taken up, when both have nobody left', async t => {
  const fleet = new MemoryFleet()
  const { load, signals } = heldLoader()
  const feed = new HeldFeed(fleet.store.openFeed())
  const family = fleet.open({}, feed).cache.family(idsOf('a'), { load })
  const leaving = [new AbortController(), new AbortController()]
  const first = family.get({ id: 1 }, { signal: leaving[0]?.signal as AbortSignal })
  await turn()
  // So that the second makes a flight of its own, which finds the lease of the first.
  feed.cut()
  const options = { signal: leaving[1]?.signal as AbortSignal, consistency: 'strong' } as const
  const second = family.get({ id: 1 }, options)
  await turn()
  leaving[0]?.abort(new Error('first'))
  await t.rejects(first, { message: 'first' })
  t.equal(signals[0]?.aborted, false, 'the second waits for it')
  leaving[1]?.abort(new Error('second'))
  await t.rejects(second, { message: 'second' })
  t.equal(signals[0]?.aborted, true)
  t.equal(signals.length, 1)
})

t.test('get() leaves a load at once that it takes up when it is abandoned itself', async t => {
  const fleet = new MemoryFleet()
  const { load, signals } = heldLoader()
  const feed = new HeldFeed(fleet.store.openFeed())
  const { cache, hold } = fleet.open({}, feed)
  const family = cache.family(idsOf('a'), { load })
  const leaving = [new AbortController(), new AbortController()]
  const first = family.get({ id: 1 }, { signal: leaving[0]?.signal as AbortSignal })
  await turn()
  feed.cut()
  const gate = hold('read', 'answer')
  const options = { signal: leaving[1]?.signal as AbortSignal, consistency: 'strong' } as const
  const second = family.get({ id: 1 }, options)
  await gate.reached
  leaving[1]?.abort(new Error('second'))
  await t.rejects(second, { message: 'second' })
  gate.open()
  await turn()
  leaving[0]?.abort(new Error('first'))
  await t.rejects(first, { message: 'first' })
  t.equal(signals[0]?.aborted, true)
})

t.test('get() does not join a read that has been abandoned', async t => {
  const { cache, hold } = new MemoryFleet().open()
  const family = cache.family(idsOf('a'), { load: () => 'v' })
  // So that the generations are known, and nothing moves.
  await family.get({ id: 2 })
  const gate = hold('read', 'answer')
  const leaving = new AbortController()
  const left = family.get({ id: 1 }, { signal: leaving.signal })
  await gate.reached
  leaving.abort(new Error('gone'))
  const next = family.get({ id: 1 })
  await t.rejects(left, { message: 'gone' })
  gate.open()
  t.equal(await next, 'v')
})

t.test('get() does not take up a load that has been abandoned', async t => {
  const { cache, hold } = new MemoryFleet().open()
  let loads = 0
  const family = cache.family<Id, string>(idsOf('a'), {
    load: () => (++loads === 1 ? new Promise<never>(() => undefined) : 'v')
  })
  const leaving = new AbortController()
  const left = family.get({ id: 1 }, { signal: leaving.signal })
  await turn()
  const gate = hold('read', 'answer')
  const next = family.get({ id: 1 })
  await gate.reached
  // The lease is still there when the next read learns of it, and its load has just ended.
  gate.open()
  leaving.abort(new Error('gone'))
  await t.rejects(left, { message: 'gone' })
  t.equal(await next, 'v')
})
