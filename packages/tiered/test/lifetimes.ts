import type { FamilyOptions } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import t from 'tap'
import { type Id, idsOf, MemoryFleet } from './fixtures/fleet/memory-fleet.ts'

/** Until when a value is served that a family loads at 0, in milliseconds; `undefined` when it is not cached. */
async function lifetimeOf<V>(
  given: Omit<FamilyOptions<Id, V>, 'load'> & { readonly value: V },
  { random = () => 0, declared }: { readonly random?: () => number; readonly declared?: number } = {}
): Promise<number | undefined> {
  const { value, ...options } = given
  const fleet = new MemoryFleet()
  const { cache } = fleet.open({ random, ttlSeconds: 50 })
  const keys = Object.assign(idsOf('a'), declared === undefined ? {} : { ttlSeconds: declared })
  const family = cache.family<Id, V>(keys, { ...options, load: () => value })
  await family.get({ id: 1 })
  const inspected = await family.inspect({ id: 1 })
  const slot = await fleet.store.read('fleet:a:1')
  if (!inspected.ok || inspected.value === undefined) {
    t.strictSame(slot, { ok: true, value: { kind: 'absent' } })
    return undefined
  }
  t.match(slot, { value: { kind: 'entry', remainingMs: inspected.value.ttlSeconds * 1_000 } })
  return inspected.value.ttlSeconds * 1_000
}

t.test('a value lives for as long as its family says, or its key, or the engine', async t => {
  t.equal(await lifetimeOf({ value: 1, ttlSeconds: 7 }, { declared: 20 }), 7_000)
  t.equal(await lifetimeOf({ value: 1 }, { declared: 20 }), 20_000)
  t.equal(await lifetimeOf({ value: 1 }), 50_000)
  t.equal(await lifetimeOf({ value: 1, ttlSeconds: Infinity }), Infinity)
  t.equal(await lifetimeOf({ value: 1, ttlSeconds: 0.0001 }), 1, 'a millisecond at least')
  t.equal(await lifetimeOf({ value: 1, ttlSeconds: 7, staleSeconds: 3 }), 10_000, 'and its stale time')
  t.equal(await lifetimeOf({ value: 1, ttlSeconds: 1e12, staleSeconds: 1e12 }), 1e15, 'at most what a store takes')
})

t.test('a value lives for as long as it says itself', async t => {
  const options = { ttlSeconds: (value: number, { id }: Id) => value + id }
  t.equal(await lifetimeOf({ value: 7, ...options }), 8_000)
  t.equal(await lifetimeOf({ value: 1, ttlSeconds: () => Infinity }), Infinity)
  t.equal(await lifetimeOf({ value: -1, ...options }), undefined, '0 keeps it out of the cache')
})

t.test('a value that says nonsense of its lifetime is not cached, and that is told once', async t => {
  const warnings: Error[] = []
  const listen = (warning: Error) => warnings.push(warning)
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  for (const nonsense of [-1, NaN, 1e13, '60', undefined, null]) {
    t.equal(await lifetimeOf({ value: 1, ttlSeconds: () => nonsense as number }), undefined, String(nonsense))
  }
  await new Promise(resolve => setImmediate(resolve))
  t.equal(warnings.length, 1)
  t.match(warnings[0], {
    code: 'DASHTAM_CACHE_TIERED_TTL',
    message: /family 'a': ttlSeconds must be a number above 0 .*got -1 \(or 0\)/
  })
})

t.test('null lives for as long as nullTtlSeconds says', async t => {
  t.equal(await lifetimeOf({ value: null, ttlSeconds: 7 }), 7_000, 'as any other value')
  t.equal(await lifetimeOf({ value: null, ttlSeconds: 7, nullTtlSeconds: 2 }), 2_000)
  t.equal(await lifetimeOf({ value: null, ttlSeconds: 7, nullTtlSeconds: 0 }), undefined)
  t.equal(await lifetimeOf({ value: 1, ttlSeconds: 7, nullTtlSeconds: 2 }), 7_000)
  t.equal(await lifetimeOf<number | null>({ value: null, ttlSeconds: () => 9, nullTtlSeconds: 2 }), 2_000)
})

t.test('jitter shortens a lifetime at random, by a tenth at most unless the family says otherwise', async t => {
  const random = () => 0.5
  t.equal(await lifetimeOf({ value: 1, ttlSeconds: 10 }, { random }), 9_500)
  t.equal(await lifetimeOf({ value: 1, ttlSeconds: 10, jitter: 0 }, { random }), 10_000)
  t.equal(await lifetimeOf({ value: 1, ttlSeconds: 10, jitter: 1 }, { random }), 5_000)
  t.equal(await lifetimeOf({ value: 1, ttlSeconds: 10, staleSeconds: 10 }, { random }), 19_500, 'not the stale time')
  t.equal(await lifetimeOf({ value: 1, ttlSeconds: Infinity, jitter: 1 }, { random }), Infinity)
})

t.test('memory never keeps a value for longer than the shared store', async t => {
  const fleet = new MemoryFleet()
  let loads = 0
  const options = { ttlSeconds: 10, load: () => ++loads }
  const here = fleet.open().cache.family(idsOf('a'), options)
  await here.get({ id: 1 })
  fleet.nowMs += 6_000
  const there = fleet.open().cache.family(idsOf('a'), options)
  t.strictSame(await there.read({ id: 1 }), { value: 1, status: 'hit', tier: 'shared' })
  fleet.nowMs += 3_999
  t.strictSame(await there.read({ id: 1 }), { value: 1, status: 'hit', tier: 'memory' })
  fleet.nowMs += 1
  t.strictSame(await there.read({ id: 1 }), { value: 2, status: 'miss' })
})

t.test('a value that was never to expire lives for as long as the store lets it', async t => {
  const fleet = new MemoryFleet()
  let loads = 0
  const options = { ttlSeconds: Infinity, load: () => ++loads }
  await fleet.open().cache.family(idsOf('a'), options).get({ id: 1 })
  const slot = await fleet.store.read('fleet:a:1')
  if (!slot.ok || slot.value.kind !== 'entry') throw new Error('there is no entry')
  // As an EXPIRE by somebody else leaves it.
  const shortened = { id: randomId(), bytes: slot.value.bytes, ttlMs: 5_000 }
  await fleet.store.refresh('fleet:a:1', slot.value.id, shortened)
  const family = fleet.open().cache.family(idsOf('a'), options)
  t.strictSame(await family.read({ id: 1 }), { value: 1, status: 'hit', tier: 'shared' })
  fleet.nowMs += 4_999
  t.strictSame(await family.read({ id: 1 }), { value: 1, status: 'hit', tier: 'memory' })
  fleet.nowMs += 1
  t.strictSame(await family.read({ id: 1 }), { value: 2, status: 'miss' })
})
