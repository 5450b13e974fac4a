import t from 'tap'
import { HeldFeed } from './fixtures/fleet/held-feed.ts'
import { type Id, idsOf, MemoryFleet, turn } from './fixtures/fleet/memory-fleet.ts'

const MISS = { ok: true, value: { kind: 'miss' } } as const

t.test('lookup() finds what is cached, in either tier, and loads nothing', async t => {
  const fleet = new MemoryFleet()
  let loads = 0
  const options = { ttlSeconds: 10, staleSeconds: 10, load: () => `v${++loads}` }
  const here = fleet.open()
  const family = here.cache.family(idsOf('a'), options)
  t.strictSame(await family.lookup({ id: 1 }), MISS)
  await family.get({ id: 1 })
  await family.get({ id: 1 })
  t.match(await family.lookup({ id: 1 }), { ok: true, value: { kind: 'hit', value: 'v1', tier: 'memory' } })
  const there = fleet.open()
  const cold = there.cache.family(idsOf('a'), options)
  t.match(await cold.lookup({ id: 1 }), { ok: true, value: { kind: 'hit', value: 'v1', tier: 'shared' } })
  fleet.nowMs += 10_000
  t.match(await family.lookup({ id: 1 }), { ok: true, value: { kind: 'stale', value: 'v1', tier: 'memory' } })
  t.match(await cold.lookup({ id: 1 }), { ok: true, value: { kind: 'stale', value: 'v1', tier: 'shared' } })
  await turn()
  t.equal(loads, 1, 'not even to refresh')
  t.strictSame(fleet.store.stats().slots.entries, 1)
  fleet.nowMs += 10_000
  for (const each of [family, cold]) t.strictSame(await each.lookup({ id: 1 }), MISS)
})

t.test('lookup() tells how old a value is, by when its load began', async t => {
  const fleet = new MemoryFleet()
  const { cache } = fleet.open()
  const family = cache.family(idsOf('a'), { load: () => new Promise(resolve => setTimeout(resolve, 30, 'v')) })
  await family.get({ id: 1 })
  const found = await family.lookup({ id: 1 })
  const ageSeconds = found.ok && found.value.kind === 'hit' ? found.value.ageSeconds : NaN
  t.ok(ageSeconds >= 0.029 && ageSeconds < 20, String(ageSeconds))
})

t.test('lookup() passes over what was invalidated, has lost a tag or was cleared', async t => {
  for (const invalidate of [
    (fleet: MemoryFleet) => fleet.store.invalidate(['fleet:a:1']),
    (fleet: MemoryFleet) => fleet.store.bumpGenerations(['t:some']),
    (fleet: MemoryFleet) => fleet.store.bumpGenerations(['n'])
  ]) {
    const fleet = new MemoryFleet()
    const options = { load: () => 'v', tags: () => ['some'] }
    const family = fleet.open().cache.family(idsOf('a'), options)
    await family.get({ id: 1 })
    await invalidate(fleet)
    t.strictSame(await family.lookup({ id: 1 }), MISS)
    t.strictSame(await fleet.open().cache.family(idsOf('a'), options).lookup({ id: 1 }), MISS)
  }
})

t.test('lookup() looks into memory only as long as the feed is trusted', async t => {
  const fleet = new MemoryFleet()
  const feed = new HeldFeed(fleet.store.openFeed())
  const family = fleet.open({}, feed).cache.family(idsOf('a'), { load: () => 'v' })
  await family.get({ id: 1 })
  await family.get({ id: 1 })
  feed.cut()
  t.match(await family.lookup({ id: 1 }), { value: { tier: 'shared' } })
  await fleet.store.invalidate(['fleet:a:1'])
  t.strictSame(await family.lookup({ id: 1 }), MISS)
})

t.test('lookup() passes the barrier when it is to be strong', async t => {
  const fleet = new MemoryFleet()
  const feed = new HeldFeed(fleet.store.openFeed())
  const { cache } = fleet.open({}, feed)
  const family = cache.family(idsOf('a'), { load: () => 'v' })
  await family.get({ id: 1 })
  await family.get({ id: 1 })
  feed.hold()
  await fleet.store.invalidate(['fleet:a:1'])
  t.match(await family.lookup({ id: 1 }), { value: { kind: 'hit' } }, 'the news is still under way')
  t.strictSame(await family.lookup({ id: 1 }, { consistency: 'strong' }), MISS)
  await family.get({ id: 1 })
  await family.get({ id: 1 })
  feed.hold()
  feed.hasNoBarrier = true
  await fleet.store.invalidate(['fleet:a:1'])
  t.strictSame(await family.lookup({ id: 1 }, { consistency: 'strong' }), MISS, 'without one it asks the store')
  feed.hasNoBarrier = false
  const strong = cache.family(idsOf('b'), { load: () => 'v', consistency: 'strong' })
  await strong.get({ id: 1 })
  feed.hold()
  await fleet.store.invalidate(['fleet:b:1'])
  t.strictSame(await strong.lookup({ id: 1 }), MISS)
})

t.test('lookup() says that the store cannot be asked', async t => {
  const fleet = new MemoryFleet()
  const { cache, faults } = fleet.open()
  const family = cache.family(idsOf('a'), { load: () => 'v' })
  for (const operation of ['readGenerations', 'read'] as const) {
    faults.clear()
    faults.set(operation, 'timeout')
    const found = await family.lookup({ id: 1 })
    t.match(found, { ok: false, error: { code: 'CACHE_GET_ERROR', reason: 'timeout' } })
  }
  faults.clear()
  t.match(
    await cache
      .family(
        Object.assign(() => 'other:1', { family: 'b' }),
        { load: () => 'v' }
      )
      .lookup(),
    { ok: false, error: { code: 'CACHE_INVALID_ARGUMENT' } }
  )
})

t.test('lookup() finds nothing in a slot that is leased or closed', async t => {
  const fleet = new MemoryFleet()
  const { cache } = fleet.open()
  const family = cache.family(idsOf('a'), { load: () => new Promise<string>(resolve => setTimeout(resolve, 20, 'v')) })
  const loading = family.get({ id: 1 })
  await turn()
  t.strictSame(await family.lookup({ id: 1 }), MISS)
  t.strictSame(await family.inspect({ id: 1 }), { ok: true, value: undefined })
  await loading
  await family.mutate({ id: 1 }, async () => t.strictSame(await family.lookup({ id: 1 }), MISS))
})

t.test('inspect() tells what is known about a value', async t => {
  const fleet = new MemoryFleet()
  const options = { ttlSeconds: 10, staleSeconds: 5, tags: () => ['some'], load: () => ({ a: 1 }) }
  const family = fleet.open().cache.family(idsOf('a'), options)
  t.strictSame(await family.inspect({ id: 1 }), { ok: true, value: undefined })
  const before = Date.now()
  await family.get({ id: 1 })
  await family.get({ id: 1 })
  fleet.nowMs += 4_000
  const cold = fleet.open().cache.family(idsOf('a'), options)
  for (const [each, tier] of [
    [family, 'memory'],
    [cold, 'shared']
  ] as const) {
    const inspected = await each.inspect({ id: 1 })
    if (!inspected.ok || inspected.value === undefined) throw new Error('there is nothing')
    const { createdAtMs, freshUntilMs, sizeBytes, ...rest } = inspected.value
    t.strictSame(rest, { key: 'fleet:a:1', value: { a: 1 }, tier, ttlSeconds: 11, isCurrent: true })
    t.ok(createdAtMs >= before && createdAtMs <= Date.now())
    t.ok(Math.abs(freshUntilMs - Date.now() - 6_000) < 5_000)
    t.ok(sizeBytes >= '{"a":1}'.length && sizeBytes < 20)
  }
  await fleet.store.bumpGenerations(['t:some'])
  for (const each of [family, cold]) {
    t.match(await each.inspect({ id: 1 }), { value: { isCurrent: false, tier: 'shared' } }, 'it is out of date')
  }
})

t.test('inspect() never shows a sensitive value, and no other of a value that never expires', async t => {
  const fleet = new MemoryFleet()
  const { cache } = fleet.open()
  const family = cache.family(idsOf('a'), { load: () => 'secret', isSensitive: true, ttlSeconds: Infinity })
  await family.get({ id: 1 })
  for (const each of [family, fleet.open().cache.family(idsOf('a'), { load: () => 'v', isSensitive: true })]) {
    t.match(await each.inspect({ id: 1 }), {
      value: { value: undefined, ttlSeconds: Infinity, freshUntilMs: Infinity, isCurrent: true }
    })
  }
})

t.test('inspect() shows nothing whose time is over, although it is kept as the last value known', async t => {
  const fleet = new MemoryFleet()
  const family = fleet.open().cache.family<Id, string>(idsOf('a'), { ttlSeconds: 10, policy: 'stale', load: () => 'v' })
  await family.get({ id: 1 })
  await family.get({ id: 1 })
  fleet.nowMs += 10_000
  t.strictSame(await family.inspect({ id: 1 }), { ok: true, value: undefined })
  t.strictSame(await family.lookup({ id: 1 }), MISS)
})

t.test('inspect() says that the store cannot be asked', async t => {
  const { cache, faults } = new MemoryFleet().open()
  const family = cache.family(idsOf('a'), { load: () => 'v' })
  await family.inspect({ id: 1 })
  faults.set('every', 'circuit_open')
  t.match(await family.inspect({ id: 1 }), { ok: false, error: { reason: 'circuit_open' } })
})

t.test('lookup() does not take for a miss what it must not believe yet', async t => {
  const { cache, faults } = new MemoryFleet().open()
  const family = cache.family(idsOf('a'), { load: () => 'v' })
  await family.get({ id: 1 })
  faults.set('invalidate', 'connection')
  await family.invalidate({ id: 1 })
  t.match(await family.lookup({ id: 1 }), { ok: false, error: { code: 'CACHE_GET_ERROR', reason: 'pending' } })
  t.strictSame(await family.lookup({ id: 2 }), MISS)
  faults.clear()
  t.strictSame(await family.lookup({ id: 1 }), MISS)
})

t.test('lookup() passes over what was loaded while the store could not be asked', async t => {
  const fleet = new MemoryFleet()
  const here = fleet.open()
  const there = fleet.open()
  let version = 0
  const family = here.cache.family(idsOf('a'), { load: () => ++version })
  here.faults.set('every', 'connection')
  t.equal(await family.get({ id: 1 }), 1)
  here.faults.clear()
  // From then on no generation is known here, and what was loaded without the store has none to compare.
  await there.cache.clear()
  for (const consistency of ['strong', 'eventual'] as const) {
    t.strictSame(await family.lookup({ id: 1 }, { consistency }), { ok: true, value: { kind: 'miss' } })
  }
  t.equal(await family.get({ id: 1 }), 2)
})
