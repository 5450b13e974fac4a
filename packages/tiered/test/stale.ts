import type { CacheFamily } from '@dashtam/cache-protocol'
import t from 'tap'
import { type Id, idsOf, MemoryFleet, turn } from './fixtures/fleet/memory-fleet.ts'

const SWR = { ttlSeconds: 10, staleSeconds: 20 } as const

/** A loader that answers how often it was called; the next calls wait for their gate, or fail. */
function countingLoader() {
  const state = { loads: 0, error: undefined as Error | undefined, gate: undefined as Promise<unknown> | undefined }
  const load = async () => {
    const loaded = `v${++state.loads}`
    await state.gate
    if (state.error !== undefined) throw state.error
    return loaded
  }
  return { state, load }
}

/** Reads until memory has the value, and nothing speaks against it. */
async function known(family: CacheFamily<Id, string>): Promise<void> {
  await family.get({ id: 1 })
  await family.get({ id: 1 })
}

t.test('read() serves an expired value while one process of the fleet refreshes it', async t => {
  const fleet = new MemoryFleet()
  const { state, load } = countingLoader()
  const here = fleet.open().cache.family(idsOf('a'), { ...SWR, load })
  const there = fleet.open().cache.family(idsOf('a'), { ...SWR, load })
  await here.get({ id: 1 })
  await there.get({ id: 1 })
  fleet.nowMs += 9_999
  t.strictSame(await here.read({ id: 1 }), { value: 'v1', status: 'hit', tier: 'memory' })
  fleet.nowMs += 1
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  state.gate = gate
  for (const family of [here, there]) {
    t.strictSame(await family.read({ id: 1 }), { value: 'v1', status: 'stale', tier: 'memory' })
  }
  const cold = fleet.open().cache.family(idsOf('a'), { ...SWR, load })
  t.strictSame(await cold.read({ id: 1 }), { value: 'v1', status: 'stale', tier: 'shared' })
  await turn()
  t.equal(state.loads, 2, 'refreshed once')
  open()
  await turn()
  await turn()
  t.strictSame(await here.read({ id: 1 }), { value: 'v2', status: 'hit', tier: 'memory' })
  t.equal(await there.get({ id: 1 }), 'v2')
  t.equal(await cold.get({ id: 1 }), 'v2')
  t.equal(state.loads, 2)
})

t.test('read() loads when the stale time is over as well', async t => {
  const fleet = new MemoryFleet()
  const { load } = countingLoader()
  const family = fleet.open().cache.family(idsOf('a'), { ...SWR, load })
  await family.get({ id: 1 })
  fleet.nowMs += 29_999
  t.equal((await family.read({ id: 1 })).status, 'stale')
  const other = fleet.open().cache.family(idsOf('a'), { ...SWR, load })
  await other.get({ id: 2 })
  fleet.nowMs += 30_000
  t.strictSame(await other.read({ id: 2 }), { value: 'v4', status: 'miss' })
})

t.test('read() serves an expired value when its refresh fails, until its stale time is over', async t => {
  const fleet = new MemoryFleet()
  const { state, load } = countingLoader()
  const { cache } = fleet.open()
  const family = cache.family(idsOf('a'), { ...SWR, load })
  await family.get({ id: 1 })
  state.error = new Error('no source')
  fleet.nowMs += 15_000
  for (let reads = 0; reads < 3; reads++) {
    t.strictSame(await family.read({ id: 1 }), { value: 'v1', status: 'stale', tier: 'memory' })
    await turn()
  }
  fleet.nowMs += 15_000
  await t.rejects(family.get({ id: 1 }), { message: 'no source' })
  state.error = undefined
  t.equal(await family.get({ id: 1 }), `v${state.loads}`)
  t.match(cache.stats().families.a, { staleHits: 3, refreshes: 3, loadErrors: 4, errors: 1 })
})

for (const [what, invalidate] of Object.entries({
  'was invalidated': (fleet: MemoryFleet) => fleet.store.invalidate(['fleet:a:1']),
  'has lost a tag': (fleet: MemoryFleet) => fleet.store.bumpGenerations(['t:some']),
  'was cleared': (fleet: MemoryFleet) => fleet.store.bumpGenerations(['n'])
})) {
  t.test(`read() never serves a stale value that ${what}, not even when the loader fails`, async t => {
    const fleet = new MemoryFleet()
    const { state, load } = countingLoader()
    const options = { ...SWR, tags: () => ['some'], load, softTimeoutMs: 1_000 }
    const families = [fleet.open(), fleet.open()].map(({ cache }) => cache.family(idsOf('a'), options))
    for (const family of families) await family.get({ id: 1 })
    fleet.nowMs += 15_000
    await invalidate(fleet)
    state.error = new Error('no source')
    for (const family of families) await t.rejects(family.get({ id: 1 }), { message: 'no source' })
    const cold = fleet.open().cache.family(idsOf('a'), options)
    await t.rejects(cold.get({ id: 1 }), { message: 'no source' })
    state.error = undefined
    t.equal((await families[0]?.read({ id: 1 }))?.status, 'miss')
  })

  t.test(`a refresh stores nothing when its entry ${what} while it loads`, async t => {
    const fleet = new MemoryFleet()
    const { state, load } = countingLoader()
    const { cache } = fleet.open()
    const family = cache.family(idsOf('a'), { ...SWR, tags: () => ['some'], load })
    await family.get({ id: 1 })
    fleet.nowMs += 15_000
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    state.gate = gate
    t.equal((await family.read({ id: 1 })).value, 'v1')
    await turn()
    await invalidate(fleet)
    open()
    await turn()
    await turn()
    t.strictSame(await family.read({ id: 1 }), { value: 'v3', status: 'miss' })
    t.equal(cache.stats().families.a?.refreshes, 1)
  })

  t.test(`a refresh does not replace what was loaded after its entry ${what}`, async t => {
    const fleet = new MemoryFleet()
    const { state, load } = countingLoader()
    const { cache } = fleet.open()
    const family = cache.family(idsOf('a'), { ...SWR, tags: () => ['some'], load })
    await family.get({ id: 1 })
    fleet.nowMs += 15_000
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    state.gate = gate
    t.equal((await family.read({ id: 1 })).value, 'v1')
    await turn()
    await invalidate(fleet)
    state.gate = undefined
    t.equal(await family.get({ id: 1 }), 'v3')
    open()
    await turn()
    await turn()
    t.equal(await family.get({ id: 1 }), 'v3')
    t.match(cache.stats().families.a, { refreshes: 1, fenced: 1 })
  })
}

t.test('read() waits for a refresh as long as the soft timeout, and then serves the old value', async t => {
  const fleet = new MemoryFleet()
  const { state, load } = countingLoader()
  const { cache } = fleet.open()
  const family = cache.family(idsOf('a'), { ...SWR, load, softTimeoutMs: 30 })
  await known(family)
  fleet.nowMs += 15_000
  t.strictSame(await Promise.all([family.read({ id: 1 }), family.read({ id: 1 })]), [
    { value: 'v2', status: 'miss' },
    { value: 'v2', status: 'collapsed' }
  ])
  fleet.nowMs += 15_000
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  state.gate = gate
  t.strictSame(await family.read({ id: 1 }), { value: 'v2', status: 'stale', tier: 'memory' })
  open()
  await turn()
  await turn()
  t.equal(await family.get({ id: 1 }), 'v3', 'what came late is cached all the same')
  t.equal(state.loads, 3)
})

t.test('read() serves the old value at once when its refresh fails within the soft timeout', async t => {
  const fleet = new MemoryFleet()
  const { state, load } = countingLoader()
  const family = fleet.open().cache.family(idsOf('a'), { ...SWR, load, softTimeoutMs: 60_000 })
  await family.get({ id: 1 })
  fleet.nowMs += 15_000
  state.error = new Error('no source')
  t.strictSame(await family.read({ id: 1 }), { value: 'v1', status: 'stale', tier: 'memory' })
})

t.test('read() can be aborted while it waits for a refresh', async t => {
  const fleet = new MemoryFleet()
  const { state, load } = countingLoader()
  const family = fleet.open().cache.family(idsOf('a'), { ...SWR, load, softTimeoutMs: 60_000 })
  await known(family)
  fleet.nowMs += 15_000
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  state.gate = gate
  const leaving = new AbortController()
  const left = family.read({ id: 1 }, { signal: leaving.signal })
  await turn()
  leaving.abort(new Error('gone'))
  await t.rejects(left, { message: 'gone' })
  open()
  await turn()
  await turn()
  t.equal(await family.get({ id: 1 }), 'v2', 'the refresh is everybody’s')
})

t.test('get() refreshes early what is read after the given share of its lifetime', async t => {
  const fleet = new MemoryFleet()
  const { state, load } = countingLoader()
  const options = { ttlSeconds: 10, refreshAfter: 0.8, load }
  const family = fleet.open().cache.family(idsOf('a'), options)
  await family.get({ id: 1 })
  fleet.nowMs += 7_999
  t.equal(await family.get({ id: 1 }), 'v1')
  await turn()
  t.equal(state.loads, 1)
  fleet.nowMs += 1
  t.strictSame(await family.read({ id: 1 }), { value: 'v1', status: 'hit', tier: 'memory' })
  await turn()
  t.equal(await family.get({ id: 1 }), 'v2')
  fleet.nowMs += 8_000
  const other = fleet.open().cache.family(idsOf('a'), options)
  t.strictSame(await other.read({ id: 1 }), { value: 'v2', status: 'hit', tier: 'shared' })
  await turn()
  t.equal(await other.get({ id: 1 }), 'v3')
})

t.test('a refresh goes on in another process when the one that claimed it has died', async t => {
  const fleet = new MemoryFleet()
  const { cache } = fleet.open()
  t.teardown(() => cache.close())
  const dying = cache.family<Id, string>(idsOf('a'), {
    ...SWR,
    load: () => (fleet.nowMs === 1_000_000 ? 'v1' : new Promise<never>(() => undefined))
  })
  await dying.get({ id: 1 })
  fleet.nowMs += 15_000
  await dying.get({ id: 1 })
  const family = fleet.open().cache.family(idsOf('a'), { ...SWR, load: () => 'v2' })
  t.equal(await family.get({ id: 1 }), 'v1')
  await turn()
  t.equal(await family.get({ id: 1 }), 'v1', 'it is claimed')
  await turn()
  fleet.nowMs += 3_000
  t.equal(await family.get({ id: 1 }), 'v1')
  await turn()
  t.equal(await family.get({ id: 1 }), 'v2', 'the claim has run out')
})

t.test('a refresh keeps its claim for as long as it loads', async t => {
  const fleet = new MemoryFleet()
  const { state, load } = countingLoader()
  const { cache, calls } = fleet.open({ leaseMs: 30 })
  const family = cache.family(idsOf('a'), { ...SWR, load })
  await family.get({ id: 1 })
  fleet.nowMs += 15_000
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  state.gate = gate
  await family.get({ id: 1 })
  while (calls.filter(name => name === 'claim').length < 3) await new Promise(resolve => setTimeout(resolve, 5))
  open()
  await turn()
  await turn()
  await new Promise(resolve => setTimeout(resolve, 40))
  t.equal(calls.at(-1), 'unclaim', 'and no longer')
})

t.test('a refresh that has been overtaken lets others join the one that came after it', async t => {
  const fleet = new MemoryFleet()
  const { state, load } = countingLoader()
  const family = fleet.open().cache.family(idsOf('a'), { ...SWR, load, softTimeoutMs: 10 })
  await known(family)
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  fleet.nowMs += 15_000
  state.gate = first.promise
  await family.read({ id: 1 })
  await fleet.store.invalidate(['fleet:a:1'])
  state.gate = undefined
  await known(family)
  t.equal(state.loads, 3)
  // By then the claim of the first has run out.
  fleet.nowMs += 15_000
  state.gate = second.promise
  await family.read({ id: 1 })
  t.equal(state.loads, 4)
  first.resolve()
  await turn()
  await turn()
  const joining = family.read({ id: 1 })
  second.resolve()
  t.strictSame(await joining, { value: 'v4', status: 'collapsed' })
})

for (const [what, given] of Object.entries({ 'says so': null, 'cannot be stored': 1n })) {
  t.test(`a refresh removes the old value when the new one ${what}`, async t => {
    const fleet = new MemoryFleet()
    let loads = 0
    const family = fleet.open().cache.family<Id, string | null | bigint>(idsOf('a'), {
      ...SWR,
      nullTtlSeconds: 0,
      load: () => (++loads === 1 ? 'v1' : given)
    })
    await family.get({ id: 1 })
    fleet.nowMs += 15_000
    t.equal(await family.get({ id: 1 }), 'v1')
    await turn()
    t.strictSame(await fleet.store.identify('fleet:a:1'), { ok: true, value: { kind: 'absent' } })
    t.equal(await family.get({ id: 1 }), given)
  })
}
