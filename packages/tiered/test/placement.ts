import { ok } from '@dashtam/cache-protocol'
import t from 'tap'
import { createReadThrough } from '../src/index.ts'
import { HeldFeed } from './fixtures/fleet/held-feed.ts'
import { type Id, idsOf, MemoryFleet, turn } from './fixtures/fleet/memory-fleet.ts'

t.test('placement shared: each read asks the store, and memory holds nothing', async t => {
  const fleet = new MemoryFleet()
  let loads = 0
  const options = { placement: 'shared', load: () => ++loads } as const
  const { cache } = fleet.open()
  const family = cache.family(idsOf('a'), options)
  t.strictSame(await family.read({ id: 1 }), { value: 1, status: 'miss' })
  for (let reads = 0; reads < 2; reads++) {
    t.strictSame(await family.read({ id: 1 }), { value: 1, status: 'hit', tier: 'shared' })
  }
  t.match(await family.lookup({ id: 1 }), { value: { tier: 'shared' } })
  t.equal(cache.stats().memory.entries, 0)
  await family.invalidate({ id: 1 })
  t.equal(await family.get({ id: 1 }), 2)
})

t.test('placement shared: expired values are refreshed as elsewhere', async t => {
  const fleet = new MemoryFleet()
  let loads = 0
  const options = { placement: 'shared', ttlSeconds: 10, staleSeconds: 10, load: () => ++loads } as const
  const { cache } = fleet.open()
  const family = cache.family(idsOf('a'), options)
  await family.get({ id: 1 })
  fleet.nowMs += 15_000
  t.strictSame(await family.read({ id: 1 }), { value: 1, status: 'stale', tier: 'shared' })
  await turn()
  t.strictSame(await family.read({ id: 1 }), { value: 2, status: 'hit', tier: 'shared' })
  t.equal(cache.stats().memory.entries, 0)
})

t.test('placement memory: the value never leaves its process, and invalidation works as for any other', async t => {
  const fleet = new MemoryFleet()
  let version = 1
  let loads = 0
  const load = () => {
    loads++
    return { secret: `s3cret-${version}` }
  }
  const families = [fleet.open(), fleet.open()].map(({ cache }) =>
    cache.family(idsOf('a'), { placement: 'memory', load, tags: () => ['some'] })
  )
  const readAll = () => Promise.all(families.map(family => family.get({ id: 1 })))
  for (let reads = 0; reads < 3; reads++)
    t.strictSame(await readAll(), [{ secret: 's3cret-1' }, { secret: 's3cret-1' }])
  t.equal(loads, 2, 'once in each process')
  const slot = await fleet.store.read('fleet:a:1')
  t.ok(slot.ok && slot.value.kind === 'entry')
  t.notMatch(JSON.stringify(slot), /s3cret/)
  t.notOk(slot.ok && slot.value.kind === 'entry' && Buffer.from(slot.value.bytes).includes('s3cret'))
  for (const invalidate of [
    () => families[0]?.invalidate({ id: 1 }),
    () => fleet.store.bumpGenerations(['t:some']),
    () => fleet.store.bumpGenerations(['n'])
  ]) {
    version++
    await invalidate()
    const secret = `s3cret-${version}`
    for (let reads = 0; reads < 2; reads++) t.strictSame(await readAll(), [{ secret }, { secret }])
  }
  t.equal(loads, 8)
})

t.test('placement memory: the second process writes nothing, so that they do not evict each other', async t => {
  const fleet = new MemoryFleet()
  const [here, there] = [fleet.open(), fleet.open()]
  const load = () => 'v'
  const [first, second] = [here, there].map(({ cache }) => cache.family(idsOf('a'), { placement: 'memory', load }))
  for (let reads = 0; reads < 2; reads++) await first?.get({ id: 1 })
  there.calls.length = 0
  await second?.get({ id: 1 })
  t.notOk(there.calls.includes('acquire') || there.calls.includes('fill'))
  t.strictSame(await second?.read({ id: 1 }), { value: 'v', status: 'hit', tier: 'memory' })
  t.strictSame(await first?.read({ id: 1 }), { value: 'v', status: 'hit', tier: 'memory' })
  const third = fleet.open().cache.family(idsOf('a'), { placement: 'memory', load, isSensitive: true })
  t.strictSame(await third.lookup({ id: 1 }), ok({ kind: 'miss' }), 'it has no value here')
  t.match(await third.inspect({ id: 1 }), { value: { value: undefined, tier: 'shared', sizeBytes: 0 } })
})

t.test('placement memory: what is set is known to the process that has set it', async t => {
  const fleet = new MemoryFleet()
  const [here, there] = [fleet.open(), fleet.open()].map(({ cache }) =>
    cache.family<Id, string>(idsOf('a'), { placement: 'memory', load: () => 'loaded' })
  )
  await there?.get({ id: 1 })
  await here?.set({ id: 1 }, 'given')
  t.strictSame(await here?.read({ id: 1 }), { value: 'given', status: 'hit', tier: 'memory' })
  t.strictSame(await there?.read({ id: 1 }), { value: 'loaded', status: 'miss' }, 'the others load theirs')
  t.strictSame(await here?.read({ id: 1 }), { value: 'given', status: 'hit', tier: 'memory' })
})

t.test('placement memory: what was invalidated while it was loaded is not kept', async t => {
  for (const isTold of [true, false]) {
    const fleet = new MemoryFleet()
    const feed = new HeldFeed(fleet.store.openFeed())
    let version = 1
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const load = async () => {
      const loaded = version
      if (version === 1) await gate
      return loaded
    }
    const options = { placement: 'memory', load } as const
    const first = fleet.open().cache.family<Id, number>(idsOf('a'), { ...options, load: () => version })
    await first.get({ id: 1 })
    const family = fleet.open({}, feed).cache.family<Id, number>(idsOf('a'), options)
    const loading = family.get({ id: 1 })
    await turn()
    if (!isTold) feed.cut()
    await fleet.store.invalidate(['fleet:a:1'])
    version = 2
    if (!isTold) feed.mend()
    open()
    t.equal(await loading, 1)
    t.equal(await family.get({ id: 1 }), 2)
  }
})

t.test('placement memory: a value is kept no longer than its entry', async t => {
  const fleet = new MemoryFleet()
  let loads = 0
  const options = { placement: 'memory', ttlSeconds: 10, load: () => ++loads } as const
  await fleet.open().cache.family(idsOf('a'), options).get({ id: 1 })
  fleet.nowMs += 6_000
  const family = fleet.open().cache.family(idsOf('a'), options)
  t.equal(await family.get({ id: 1 }), 2)
  fleet.nowMs += 3_999
  t.equal(await family.get({ id: 1 }), 2)
  fleet.nowMs += 1
  t.equal(await family.get({ id: 1 }), 3)
})

t.test('placement memory: a value that never expires is a hit, in every process', async t => {
  const fleet = new MemoryFleet()
  let loads = 0
  const options = { placement: 'memory', ttlSeconds: Infinity, staleSeconds: 5, load: () => ++loads } as const
  for (const family of [fleet.open(), fleet.open()].map(({ cache }) => cache.family(idsOf('a'), options))) {
    await family.get({ id: 1 })
    fleet.nowMs += 1e9
    for (let reads = 0; reads < 2; reads++) t.match(await family.read({ id: 1 }), { status: 'hit', tier: 'memory' })
  }
  t.equal(loads, 2)
})

t.test('an engine without a store works in the memory of its process', async t => {
  let nowMs = 0
  let loads = 0
  const cache = createReadThrough({ keyspace: 'fleet', clock: () => nowMs, random: () => 0 })
  const family = cache.family<Id, number>(idsOf('a'), {
    placement: 'shared',
    ttlSeconds: 10,
    staleSeconds: 10,
    tags: () => ['some'],
    load: async () => {
      await turn()
      return ++loads
    }
  })
  t.strictSame(await Promise.all([family.get({ id: 1 }), family.get({ id: 1 })]), [1, 1])
  t.strictSame(await family.read({ id: 1 }), { value: 1, status: 'hit', tier: 'memory' })
  nowMs += 15_000
  t.strictSame(await family.read({ id: 1 }), { value: 1, status: 'stale', tier: 'memory' })
  await turn()
  await turn()
  t.strictSame(await family.read({ id: 1 }), { value: 2, status: 'hit', tier: 'memory' })
  t.strictSame(await family.invalidate({ id: 1 }), ok(undefined))
  t.equal(await family.get({ id: 1 }, { consistency: 'strong' }), 3)
  await cache.invalidateTags(['some'])
  t.equal(await family.get({ id: 1 }), 4)
  await cache.clear()
  t.equal(await family.get({ id: 1 }), 5)
  await family.mutate({ id: 1 }, () => undefined, { value: 7 })
  t.strictSame(await family.read({ id: 1 }), { value: 7, status: 'hit', tier: 'memory' })
  await family.set({ id: 1 }, 8)
  t.strictSame(await family.read({ id: 1 }), { value: 8, status: 'hit', tier: 'memory' })
  nowMs += 20_000
  t.strictSame(await family.read({ id: 1 }), { value: 6, status: 'miss' })
  t.match(cache.stats(), { owed: 0, feed: { mode: 'local' }, memory: { entries: 1 } })
})
