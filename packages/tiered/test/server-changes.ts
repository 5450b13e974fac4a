import { randomId } from '@dashtam/cache-protocol/adapter'
import t from 'tap'
import type { ReadThroughOptions } from '../src/index.ts'
import { delivered, type Id, idsOf, MemoryFleet, turn } from './fixtures/fleet/memory-fleet.ts'

/** A process that knows two values, and the source they come from. */
async function opened(options: Omit<ReadThroughOptions, 'store' | 'feed'> = {}) {
  const fleet = new MemoryFleet()
  const source = { version: 1 }
  const process = fleet.open(options)
  const family = process.cache.family<Id, number>(idsOf('a'), { load: () => source.version, ttlSeconds: 3_600 })
  for (const id of [1, 2]) for (let reads = 0; reads < 2; reads++) await family.get({ id })
  const slot = await fleet.store.read('fleet:a:1')
  if (!slot.ok || slot.value.kind !== 'entry') throw new Error('there is no entry')
  const { id, bytes } = slot.value
  /** The store holds what it held before the invalidation. */
  const forget = async () => {
    const token = randomId()
    await fleet.store.acquire('fleet:a:1', token, 1_000)
    await fleet.store.fill('fleet:a:1', token, { id, bytes, ttlMs: 3_600_000 })
  }
  const invalidate = async () => {
    source.version = 2
    await family.invalidate({ id: 1 })
  }
  return { fleet, process, family, source, forget, invalidate }
}

t.test('a promoted server is told of the invalidations of the last 30 s, and the rest stays', async t => {
  const { fleet, process, family, forget, invalidate } = await opened()
  await invalidate()
  fleet.nowMs += 29_000
  await forget()
  process.changeServer('promoted', 'replica')
  t.equal(await family.get({ id: 1 }), 2)
  t.equal(process.cache.stats().owed, 0)
  t.strictSame(await family.read({ id: 2 }), { value: 1, status: 'hit', tier: 'memory' })
})

t.test('a promoted server is told of what was invalidated a while ago, and of what came after', async t => {
  const { fleet, process, family, forget, invalidate } = await opened()
  fleet.nowMs += 25_000
  await invalidate()
  fleet.nowMs += 20_000
  await family.invalidate({ id: 7 })
  fleet.nowMs += 5_000
  await forget()
  process.changeServer('promoted', 'replica')
  t.equal(process.cache.stats().owed, 3)
  t.equal(await family.get({ id: 1 }), 2)
})

t.test('a promoted server is not believed before it has been told', async t => {
  const { fleet, process, family, forget, invalidate } = await opened()
  await invalidate()
  await forget()
  process.faults.set('invalidate', 'timeout')
  process.changeServer('promoted', 'replica')
  t.equal(await family.get({ id: 1 }), 2)
  t.equal(process.cache.stats().owed, 2)
  process.faults.clear()
  await delivered(process)
  t.strictSame(await fleet.store.identify('fleet:a:1'), { ok: true, value: { kind: 'absent' } })
})

t.test('a server that follows upon the next is noticed as well', async t => {
  const { process, family, source } = await opened()
  const gate = process.hold('bumpOnce', 'answer')
  process.changeServer('restarted', 'second')
  const reading = family.get({ id: 1 })
  await gate.reached
  process.changeServer('restarted', 'third')
  source.version = 2
  gate.open()
  t.equal(await reading, 2)
  await delivered(process)
  t.equal(process.calls.filter(name => name === 'bumpOnce').length, 3, 'and once for the first of all')
})

t.test('a promoted server is not told of what is long past', async t => {
  const { fleet, process, invalidate } = await opened()
  await invalidate()
  fleet.nowMs += 100_000
  process.calls.length = 0
  process.changeServer('promoted', 'replica')
  await delivered(process)
  t.strictSame(process.calls, ['bumpOnce'])
})

t.test('a promoted server is told of tags and of clear() as well, and of what a mutate() has changed', async t => {
  const { process, family } = await opened()
  await process.cache.invalidateTags(['some'])
  await family.mutate({ id: 7 }, () => undefined, { tags: ['other'] })
  process.calls.length = 0
  process.changeServer('promoted', 'replica')
  t.equal(process.cache.stats().owed, 4)
  await delivered(process)
  t.strictSame(process.calls.toSorted(), ['bumpGenerations', 'bumpOnce', 'invalidate'])
})

t.test('a promoted server is trusted in nothing when there was too much to remember', async t => {
  const { process, family, source, forget } = await opened()
  source.version = 2
  for (let batch = 0; batch <= 10; batch++) {
    await family.invalidate(Array.from({ length: 10_000 }, (_, id) => ({ id: 1_000 + batch * 10_000 + id })))
  }
  await family.invalidate({ id: 1 })
  await forget()
  process.changeServer('promoted', 'replica')
  for (const id of [1, 2]) t.equal(await family.get({ id }), 2)
})

t.test('a server that was promoted is trusted in nothing when the engine is told to distrust it', async t => {
  const { process, family, source } = await opened({ failover: 'distrust' })
  source.version = 2
  process.changeServer('promoted', 'replica')
  for (const id of [1, 2]) t.equal(await family.get({ id }), 2)
})

t.test('a server that was restarted is trusted in nothing, once for the whole fleet', async t => {
  const { fleet, process, family, source, forget, invalidate } = await opened()
  const other = fleet.open()
  const elsewhere = other.cache.family<Id, number>(idsOf('a'), { load: () => source.version })
  for (let reads = 0; reads < 2; reads++) await elsewhere.get({ id: 2 })
  await invalidate()
  await forget()
  for (const each of [process, other]) each.changeServer('restarted', 'snapshot')
  for (const id of [1, 2]) t.equal(await family.get({ id }), 2)
  await delivered(other)
  t.strictSame(await elsewhere.read({ id: 2 }), { value: 2, status: 'hit', tier: 'shared' }, 'the first has loaded it')
})

t.test('what another server answers is not believed before it is known what it missed', async t => {
  for (const kind of ['promoted', 'restarted'] as const) {
    const { process, family, forget, invalidate } = await opened()
    await invalidate()
    await forget()
    const gate = process.hold('identify', 'answer')
    const reading = family.get({ id: 1 })
    await gate.reached
    process.changeServer(kind, 'other')
    gate.open()
    t.equal(await reading, 2, 'asked whether it is still the same')
  }
  for (const kind of ['promoted', 'restarted'] as const) {
    const { fleet, process, source, forget, invalidate } = await opened()
    await invalidate()
    await forget()
    const cold = fleet.open()
    const family = cold.cache.family<Id, number>(idsOf('a'), { load: () => source.version })
    await family.invalidate({ id: 1 })
    await forget()
    const gate = cold.hold('read', 'answer')
    const reading = family.get({ id: 1 })
    await gate.reached
    cold.changeServer(kind, 'other')
    process.changeServer(kind, 'other')
    gate.open()
    t.equal(await reading, 2, 'asked for the value')
  }
})

t.test('a read that is under way when the server changes looks again', async t => {
  const { fleet, process, source } = await opened()
  const { promise, resolve } = Promise.withResolvers<number>()
  const elsewhere = fleet.open().cache.family<Id, number>(idsOf('slow'), { load: () => promise })
  const family = process.cache.family<Id, number>(idsOf('slow'), { load: () => source.version })
  const loading = elsewhere.get({ id: 1 })
  await turn()
  const waiting = family.get({ id: 1 })
  await turn()
  const asked = process.calls.filter(name => name === 'acquire').length
  process.changeServer('restarted', 'other')
  await turn()
  t.ok(process.calls.filter(name => name === 'acquire').length > asked)
  resolve(7)
  t.equal(await loading, 7)
  t.type(await waiting, 'number')
})
