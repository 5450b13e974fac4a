import { ok } from '@dashtam/cache-protocol'
import t from 'tap'
import { createReadThrough } from '../src/index.ts'
import { type Id, idsOf, MemoryFleet, turn } from './fixtures/fleet/memory-fleet.ts'

const NOTHING = {
  memoryHits: 0,
  sharedHits: 0,
  staleHits: 0,
  misses: 0,
  collapsed: 0,
  errors: 0,
  loads: 0,
  loadErrors: 0,
  loadTimeouts: 0,
  refreshes: 0,
  fenced: 0,
  confirmed: 0,
  unreadable: 0,
  unstorable: 0,
  degraded: 0,
  invalidations: 0,
  pending: 0
}

t.test('stats() counts what happened to the reads of each family', async t => {
  const fleet = new MemoryFleet()
  const { cache } = fleet.open()
  let error: Error | undefined
  const load = async ({ id }: Id) => {
    await turn()
    if (error !== undefined) throw error
    return id
  }
  const family = cache.family(idsOf('a'), { load, ttlSeconds: 10, staleSeconds: 10 })
  cache.family(idsOf('unused'), { load })
  t.strictSame(cache.stats().families, { a: NOTHING, unused: NOTHING })
  await Promise.all([family.get({ id: 1 }), family.get({ id: 1 }), family.get({ id: 1 })])
  for (let reads = 0; reads < 3; reads++) await family.get({ id: 1 })
  const elsewhere = fleet.open().cache.family(idsOf('a'), { load })
  await elsewhere.get({ id: 2 })
  await family.getMany([{ id: 2 }, { id: 2 }])
  fleet.nowMs += 15_000
  await family.get({ id: 1 })
  await turn()
  await turn()
  error = new Error('no')
  await t.rejects(family.get({ id: 3 }))
  await family.invalidate({ id: 1 })
  t.strictSame(cache.stats().families.a, {
    ...NOTHING,
    misses: 1,
    collapsed: 2,
    memoryHits: 3,
    sharedHits: 2,
    staleHits: 1,
    errors: 1,
    loads: 3,
    loadErrors: 1,
    refreshes: 1,
    confirmed: 1,
    invalidations: 1
  })
})

t.test('stats() is a copy', async t => {
  const { cache } = new MemoryFleet().open()
  const family = cache.family(idsOf('a'), { load: () => 'v' })
  const before = cache.stats()
  await family.get({ id: 1 })
  t.strictSame(before.families, { a: NOTHING })
})

t.test('stats() tells what memory holds, of the feed, and what is owed', async t => {
  const { cache, faults } = new MemoryFleet().open({ memory: { maxEntries: 10 } })
  const family = cache.family(idsOf('a'), { load: ({ id }) => 'x'.repeat(id) })
  await family.getMany(Array.from({ length: 30 }, (_, id) => ({ id })))
  await turn()
  const { memory, feed, owed } = cache.stats()
  t.equal(memory.entries, 10)
  t.equal(memory.evictions, 20)
  t.ok(memory.bytes > 10 * 20 && memory.bytes < 10 * 1_000)
  t.match(feed, { mode: 'local', isTrusted: true, gaps: 0, lagMs: undefined })
  t.ok(feed.messages >= 60)
  t.equal(owed, 0)
  faults.set('invalidate', 'timeout')
  await family.invalidate([{ id: 1 }, { id: 2 }])
  t.match(cache.stats(), { owed: 2, families: { a: { pending: 2, invalidations: 0 } } })
  faults.clear()
  await cache.close()
})

t.test('memory is bounded in bytes as well', async t => {
  const { cache } = new MemoryFleet().open({ memory: { maxBytes: 100_000 } })
  const family = cache.family(idsOf('a'), { load: () => 'x'.repeat(5_000) })
  await family.getMany(Array.from({ length: 50 }, (_, id) => ({ id })))
  await turn()
  const { memory } = cache.stats()
  t.ok(memory.bytes <= 100_000 && memory.entries < 20)
  t.equal(await family.get({ id: 1 }), 'x'.repeat(5_000))
})

t.test('close() lets go of the feed and of memory, and leaves the store to its owner', async t => {
  const fleet = new MemoryFleet()
  const { cache } = fleet.open()
  let loads = 0
  const family = cache.family(idsOf('a'), { load: () => ++loads })
  for (let reads = 0; reads < 3; reads++) await family.get({ id: 1 })
  t.strictSame(await cache.close(), ok(undefined))
  t.strictSame(await cache.close(), ok(undefined))
  t.match(cache.stats(), { memory: { entries: 0 }, feed: { isTrusted: false } })
  t.strictSame(await family.read({ id: 1 }), { value: 1, status: 'hit', tier: 'shared' })
  t.strictSame(await family.invalidate({ id: 1 }), ok(undefined))
  t.equal(await family.get({ id: 1 }), 2)
  t.equal(cache.stats().memory.entries, 0)
  await fleet.store.close()
  t.equal(await family.get({ id: 1 }), 3, 'without the store it asks the source')
})

t.test('close() finishes what is under way, and aborts refreshes', async t => {
  const fleet = new MemoryFleet()
  const { cache } = fleet.open()
  const { promise, resolve } = Promise.withResolvers<string>()
  const signals: AbortSignal[] = []
  const family = cache.family<Id, string>(idsOf('a'), {
    ttlSeconds: 10,
    staleSeconds: 10,
    load: ({ id }, { signal }) => {
      signals.push(signal)
      if (id === 1) return promise
      return signals.length > 1 ? new Promise<never>(() => undefined) : 'v'
    }
  })
  await family.get({ id: 2 })
  const loading = family.get({ id: 1 })
  await turn()
  fleet.nowMs += 15_000
  t.equal((await family.read({ id: 2 })).status, 'stale')
  await turn()
  t.strictSame(await cache.close(), ok(undefined))
  t.strictSame(
    signals.map(({ aborted }) => aborted),
    [false, false, true]
  )
  resolve('v')
  t.equal(await loading, 'v')
})

t.test('an engine whose clock is nobody’s follows the real one', async t => {
  const cache = createReadThrough()
  const family = cache.family(
    Object.assign(({ id }: Id) => `dashtam:a:${id}`, { family: 'a' }),
    { ttlSeconds: 0.02, load: () => performance.now() }
  )
  const first = await family.get({ id: 1 })
  t.equal(await family.get({ id: 1 }), first)
  await new Promise(resolve => setTimeout(resolve, 40))
  t.not(await family.get({ id: 1 }), first)
  await cache.close()
})
