import { ok } from '@dashtam/cache-protocol'
import t from 'tap'
import { CacheUnavailableError } from '../src/index.ts'
import { HeldFeed } from './fixtures/fleet/held-feed.ts'
import { type Id, idsOf, MemoryFleet, turn } from './fixtures/fleet/memory-fleet.ts'

function opened(
  options: { policy?: 'open' | 'closed' | 'stale'; ttlSeconds?: number | ((version: number) => number) } = {}
) {
  const fleet = new MemoryFleet()
  const feed = new HeldFeed(fleet.store.openFeed())
  const process = fleet.open({ degradedSeconds: 2 }, feed)
  const source = { version: 1, loads: 0, error: undefined as Error | undefined }
  const family = process.cache.family<Id, number>(idsOf('a'), {
    ...options,
    tags: () => ['some'],
    load: async () => {
      source.loads++
      await turn()
      if (source.error !== undefined) throw source.error
      return source.version
    }
  })
  return { fleet, feed, process, source, family }
}

for (const reason of ['connection', 'timeout', 'circuit_open', 'server'] as const) {
  t.test(`policy open: a read goes to the source when the store answers '${reason}', once for a while`, async t => {
    const { fleet, process, source, family } = opened()
    await family.get({ id: 7 })
    process.faults.set('every', reason)
    t.strictSame(await Promise.all([family.get({ id: 1 }), family.get({ id: 1 })]), [1, 1])
    source.version = 2
    t.strictSame(await family.read({ id: 1 }), { value: 1, status: 'hit', tier: 'memory' })
    t.equal(source.loads, 2)
    fleet.nowMs += 2_000
    t.strictSame(await family.read({ id: 1 }), { value: 2, status: 'miss' }, 'degradedSeconds are over')
    t.ok((process.cache.stats().families.a?.degraded ?? 0) >= 1)
  })
}

t.test('what was loaded without the store is never for a strong read', async t => {
  const { process, source, family } = opened()
  process.faults.set('every', 'connection')
  await family.get({ id: 1 })
  source.version = 2
  t.equal(await family.get({ id: 1 }, { consistency: 'strong' }), 2)
})

t.test('what was loaded without the store is dropped when the store is back', async t => {
  const { process, source, family } = opened()
  process.faults.set('every', 'connection')
  await family.get({ id: 1 })
  process.faults.clear()
  source.version = 2
  t.strictSame(await family.read({ id: 1 }), { value: 2, status: 'miss' })
})

t.test(
  'what was loaded without the store goes with an invalidation of its own process, and with one that is told',
  async t => {
    for (const invalidate of [
      ({ family }: ReturnType<typeof opened>) => family.invalidate({ id: 1 }),
      ({ process }: ReturnType<typeof opened>) => process.cache.invalidateTags(['some']),
      ({ process }: ReturnType<typeof opened>) => process.cache.clear(),
      ({ fleet }: ReturnType<typeof opened>) => fleet.store.invalidate(['fleet:a:1']),
      ({ fleet }: ReturnType<typeof opened>) => fleet.store.bumpGenerations(['t:some'])
    ]) {
      const context = opened()
      const { process, source, family } = context
      process.faults.set('every', 'connection')
      await family.get({ id: 1 })
      t.equal((await family.read({ id: 1 })).status, 'hit')
      source.version = 2
      await invalidate(context)
      t.equal(await family.get({ id: 1 }), 2)
    }
  }
)

t.test('what was invalidated while it was loaded without the store is not kept', async t => {
  const { process, source, family } = opened()
  process.faults.set('every', 'connection')
  const loading = family.get({ id: 1 })
  await turn()
  await family.invalidate({ id: 1 })
  t.equal(await loading, 1)
  source.version = 2
  t.equal(await family.get({ id: 1 }), 2)
})

t.test('a store that is out of memory costs a load for each degraded lifetime, and no lease', async t => {
  const { fleet, process, source, family } = opened()
  await family.get({ id: 7 })
  process.faults.set('acquire', 'server')
  t.equal(await family.get({ id: 1 }), 1)
  source.version = 2
  t.strictSame(await family.read({ id: 1 }), { value: 1, status: 'hit', tier: 'memory' })
  t.equal(source.loads, 2)
  fleet.nowMs += 2_000
  t.equal(await family.get({ id: 1 }), 2)
  // It had room for the lease only.
  process.faults.clear()
  process.faults.set('fill', 'server')
  t.equal(await family.get({ id: 2 }), 2)
  await turn()
  t.strictSame(await fleet.store.identify('fleet:a:2'), ok({ kind: 'absent' }))
  await process.cache.invalidateTags(['some'])
  t.equal(await family.get({ id: 1 }, { consistency: 'strong' }), 2)
})

t.test('a lease that could not be given back is given back when the trouble is over', async t => {
  for (const error of [undefined, new Error('no source')]) {
    const { fleet, process, source, family } = opened()
    await family.get({ id: 7 })
    process.faults.set('fill', 'server').set('release', 'server')
    source.error = error
    await family.get({ id: 1 }).catch(() => undefined)
    await turn()
    t.match(await fleet.store.identify('fleet:a:1'), { value: { kind: 'lease' } })
    process.faults.clear()
    source.error = undefined
    source.version = 2
    t.equal(
      await fleet
        .open()
        .cache.family<Id, number>(idsOf('a'), { load: () => source.version })
        .get({ id: 1 }),
      2
    )
  }
})

t.test('without a feed nothing enters memory, and the store is asked for each read', async t => {
  const { fleet, feed, source, family } = opened()
  feed.cut()
  t.strictSame(await family.read({ id: 1 }), { value: 1, status: 'miss' })
  t.strictSame(await family.read({ id: 1 }), { value: 1, status: 'hit', tier: 'shared' })
  t.strictSame(await family.read({ id: 1 }), { value: 1, status: 'hit', tier: 'shared' })
  source.version = 2
  await fleet.store.invalidate(['fleet:a:1'])
  t.equal(await family.get({ id: 1 }), 2)
  feed.mend()
  t.strictSame(await family.read({ id: 1 }), { value: 2, status: 'hit', tier: 'shared' })
  t.strictSame(await family.read({ id: 1 }), { value: 2, status: 'hit', tier: 'memory' })
})

t.test('what changed while the feed was cut is not served from memory afterwards', async t => {
  for (const invalidate of [
    ({ fleet }: ReturnType<typeof opened>) => fleet.store.invalidate(['fleet:a:1']),
    ({ fleet }: ReturnType<typeof opened>) => fleet.store.bumpGenerations(['t:some']),
    ({ fleet }: ReturnType<typeof opened>) => fleet.store.bumpGenerations(['n'])
  ]) {
    const context = opened()
    const { feed, source, family } = context
    for (let reads = 0; reads < 2; reads++) await family.get({ id: 1 })
    feed.cut()
    source.version = 2
    await invalidate(context)
    t.equal(await family.get({ id: 1 }), 2, 'while it is cut')
    const other = opened()
    for (let reads = 0; reads < 2; reads++) await other.family.get({ id: 1 })
    other.feed.cut()
    other.source.version = 2
    await invalidate(other)
    other.feed.mend()
    t.equal(await other.family.get({ id: 1 }), 2, 'when it is back')
  }
})

t.test(
  'policy closed: a read is rejected while the cache cannot answer, and a write refused before it begins',
  async t => {
    const { process, source, family } = opened({ policy: 'closed' })
    await family.get({ id: 1 })
    await family.get({ id: 1 })
    process.faults.set('every', 'connection')
    t.equal(await family.get({ id: 1 }), 1, 'from memory')
    const rejected: unknown = await family.get({ id: 2 }).catch(error => error)
    t.ok(rejected instanceof CacheUnavailableError)
    t.match(rejected, {
      name: 'CacheUnavailableError',
      family: 'a',
      message: /'a' does not go on without/,
      cause: { reason: 'connection' }
    })
    await t.rejects(
      family.mutate({ id: 2 }, () => t.fail('is not called')),
      { name: 'CacheUnavailableError', family: 'a', cause: { reason: 'connection' } }
    )
    t.match(await family.invalidate({ id: 2 }), { ok: false, error: { reason: 'pending' } })
    await t.rejects(family.get({ id: 2 }), { name: 'CacheUnavailableError' })
    process.faults.clear()
    t.equal(await family.get({ id: 2 }), 1)
    t.equal(source.loads, 2)
    for (const reason of ['server', 'timeout'] as const) {
      process.faults.set('acquire', reason)
      await t.rejects(family.get({ id: 3 }), { name: 'CacheUnavailableError', cause: { reason } })
    }
  }
)

t.test('policy stale: when the loader fails too, the last value that this process knew', async t => {
  const context = opened({ policy: 'stale', ttlSeconds: 10 })
  const { fleet, process, source, family } = context
  for (let reads = 0; reads < 2; reads++) await family.get({ id: 1 })
  fleet.nowMs += 60_000
  source.version = 2
  t.strictSame(await family.read({ id: 1 }), { value: 2, status: 'miss' }, 'as long as there is a source')
  await family.get({ id: 1 })
  fleet.nowMs += 60_000
  source.error = new Error('no source')
  const STALE = { value: 2, status: 'stale', tier: 'memory' }
  t.strictSame(await family.read({ id: 1 }), STALE, 'expired')
  await family.invalidate({ id: 1 })
  t.strictSame(await family.read({ id: 1 }), STALE, 'and invalidated')
  await process.cache.clear()
  t.strictSame(await family.read({ id: 1 }), STALE, 'and cleared')
  process.faults.set('every', 'connection')
  t.strictSame(await family.read({ id: 1 }), STALE, 'and without the store')
  await t.rejects(family.get({ id: 1 }, { consistency: 'strong' }), { message: 'no source' })
  await t.rejects(family.get({ id: 2 }), { message: 'no source' }, 'it knows no other')
})

t.test('policy stale: what the source has answered last counts, also when it is not kept', async t => {
  const { fleet, source, family } = opened({ policy: 'stale', ttlSeconds: version => (version === 2 ? 0 : 10) })
  for (let reads = 0; reads < 2; reads++) t.equal(await family.get({ id: 1 }), 1)
  fleet.nowMs += 60_000
  source.version = 2
  t.equal(await family.get({ id: 1 }), 2)
  source.error = new Error('no source')
  await t.rejects(family.get({ id: 1 }), { message: 'no source' }, 'what was there before is over')
})

t.test('no other policy serves the last value known', async t => {
  for (const policy of ['open', 'closed'] as const) {
    const { source, family } = opened({ policy })
    for (let reads = 0; reads < 2; reads++) await family.get({ id: 1 })
    await family.invalidate({ id: 1 })
    source.error = new Error('no source')
    await t.rejects(family.get({ id: 1 }), { message: 'no source' })
  }
})
