import { ok } from '@dashtam/cache-protocol'
import t from 'tap'
import { HeldFeed } from './fixtures/fleet/held-feed.ts'
import { delivered, type FleetProcess, type Id, idsOf, MemoryFleet, turn } from './fixtures/fleet/memory-fleet.ts'

/** Two processes, and the version of the source that each read must see. */
function opened({ holdSeconds = 0 } = {}) {
  const fleet = new MemoryFleet()
  const source = { version: 1 }
  const all = [fleet.open(), fleet.open()] as const
  const families = all.map(({ cache }) =>
    cache.family<Id, number>(idsOf('a'), {
      load: () => source.version,
      tags: ({ id }) => [`of-${id}`, 'some'],
      holdSeconds
    })
  )
  const reads = (id: number) => Promise.all(families.map(family => family.get({ id })))
  const [family] = families
  if (family === undefined) throw new Error('there is no family')
  return { fleet, source, all, families, reads, family }
}

t.test('invalidate() removes the entries of one and of many', async t => {
  const { source, reads, family, all } = opened()
  for (const id of [1, 2, 3]) await reads(id)
  source.version = 2
  t.strictSame(await family.invalidate({ id: 1 }), ok(undefined))
  t.strictSame(
    [await reads(1), await reads(2)],
    [
      [2, 2],
      [1, 1]
    ]
  )
  t.strictSame(await family.invalidate([{ id: 2 }, { id: 3 }]), ok(undefined))
  t.strictSame(
    [await reads(2), await reads(3)],
    [
      [2, 2],
      [2, 2]
    ]
  )
  t.strictSame(await family.invalidate([]), ok(undefined))
  t.equal(all[0].cache.stats().families.a?.invalidations, 3)
})

t.test('invalidate() refuses keys that no store takes, all of them', async t => {
  const { reads, family, fleet, all } = opened()
  await reads(1)
  const keyOf = ({ id }: Id) => (id === 1 ? 'fleet:a:1' : 'other:1')
  const strange = all[0].cache.family(Object.assign(keyOf, { family: 'strange' }), { load: () => 'v' })
  const refused = await strange.invalidate([{ id: 1 }, { id: 2 }])
  t.match(refused, { ok: false, error: { code: 'CACHE_INVALID_ARGUMENT' } })
  t.match(await fleet.store.identify('fleet:a:1'), { value: { kind: 'entry' } })
  t.equal((await family.read({ id: 1 })).value, 1)
  t.match(all[0].cache.stats().families.strange, { pending: 0, invalidations: 0 })
  t.equal(all[0].cache.stats().owed, 0)
})

t.test('invalidateTags() invalidates what depends on one of the tags, with one command', async t => {
  const { source, reads, all } = opened()
  const [{ cache, calls }] = all
  for (const id of [1, 2, 3]) await reads(id)
  source.version = 2
  calls.length = 0
  t.strictSame(await cache.invalidateTags(['of-1', 'of-2', 'of nobody']), ok(undefined))
  t.strictSame(calls, ['bumpGenerations'])
  t.strictSame(
    [await reads(1), await reads(2), await reads(3)],
    [
      [2, 2],
      [2, 2],
      [1, 1]
    ]
  )
  t.strictSame(await cache.invalidateTags([]), ok(undefined))
  t.match(await cache.invalidateTags(['x'.repeat(9_000)]), { ok: false, error: { code: 'CACHE_INVALID_ARGUMENT' } })
  t.equal(cache.stats().owed, 0)
})

t.test('clear() invalidates everything, of every process', async t => {
  const { source, reads, all } = opened()
  for (const id of [1, 2]) await reads(id)
  source.version = 2
  t.strictSame(await all[1].cache.clear(), ok(undefined))
  t.strictSame(
    [await reads(1), await reads(2)],
    [
      [2, 2],
      [2, 2]
    ]
  )
})

for (const [what, invalidate] of Object.entries({
  'invalidate()': (_: FleetProcess, { family }: ReturnType<typeof opened>) => family.invalidate({ id: 1 }),
  'invalidateTags()': ({ cache }: FleetProcess) => cache.invalidateTags(['some']),
  'clear()': ({ cache }: FleetProcess) => cache.clear()
})) {
  t.test(`${what} keeps out what was being loaded: who comes later loads anew`, async t => {
    const fleet = new MemoryFleet()
    const gates = [Promise.withResolvers<string>(), Promise.withResolvers<string>()]
    let loads = 0
    const process = fleet.open()
    const family = process.cache.family<Id, string>(idsOf('a'), {
      load: () => gates[loads++]?.promise as Promise<string>,
      tags: () => ['some']
    })
    const before = family.get({ id: 1 })
    await turn()
    const context = { family } as never
    t.strictSame(await invalidate(process, context), ok(undefined))
    const after = family.get({ id: 1 })
    await turn()
    gates[0]?.resolve('old')
    t.equal(await before, 'old')
    await turn()
    gates[1]?.resolve('new')
    t.equal(await after, 'new', 'it has not joined what began before')
    t.equal(await family.get({ id: 1 }), 'new')
    t.equal(
      await fleet
        .open()
        .cache.family(idsOf('a'), { load: () => 'x', tags: () => ['some'] })
        .get({ id: 1 }),
      'new'
    )
    t.equal(loads, 2)
    t.ok((process.cache.stats().families.a?.fenced ?? 0) <= 1)
  })

  t.test(`${what} keeps out what was being loaded, also when nobody else loads`, async t => {
    const fleet = new MemoryFleet()
    const { promise, resolve } = Promise.withResolvers<string>()
    let loads = 0
    const process = fleet.open()
    const family = process.cache.family<Id, string>(idsOf('a'), {
      load: ({ id }) => (id === 1 && ++loads === 1 ? promise : 'new'),
      tags: () => ['some']
    })
    await family.get({ id: 2 })
    const before = family.get({ id: 1 })
    await turn()
    await invalidate(process, { family } as never)
    resolve('old')
    t.equal(await before, 'old')
    await turn()
    t.strictSame(await family.read({ id: 1 }), { value: 'new', status: 'miss' })
  })

  t.test(`${what} keeps out what was being loaded, also while it is undelivered`, async t => {
    const fleet = new MemoryFleet()
    const { promise, resolve } = Promise.withResolvers<string>()
    let loads = 0
    const process = fleet.open()
    const family = process.cache.family<Id, string>(idsOf('a'), {
      load: () => (++loads === 1 ? promise : 'new'),
      tags: () => ['some']
    })
    const before = family.get({ id: 1 })
    await turn()
    process.faults.set('invalidate', 'timeout').set('bumpGenerations', 'timeout')
    await invalidate(process, { family } as never)
    // The store has heard of nothing, and takes it.
    resolve('old')
    t.equal(await before, 'old')
    await turn()
    t.match(await fleet.store.identify('fleet:a:1'), { value: { kind: 'entry' } })
    t.equal(await family.get({ id: 1 }), 'new')
    process.faults.clear()
    await delivered(process)
    t.equal(
      await fleet
        .open()
        .cache.family(idsOf('a'), { load: () => 'new' })
        .get({ id: 1 }),
      'new'
    )
  })

  t.test(`${what} counts for its own process before anybody has told it`, async t => {
    const fleet = new MemoryFleet()
    const feed = new HeldFeed(fleet.store.openFeed())
    const process = fleet.open({}, feed)
    let version = 1
    const family = process.cache.family(idsOf('a'), { load: () => version, tags: () => ['some'] })
    const context = { family } as never
    for (let warm = 0; warm < 2; warm++) await family.get({ id: 1 })
    feed.hold()
    // From the call on, if it has been executed.
    const gates = [process.hold('invalidate', 'answer'), process.hold('bumpGenerations', 'answer')]
    version = 2
    const invalidating = invalidate(process, context)
    await Promise.race(gates.map(({ reached }) => reached))
    t.equal(await family.get({ id: 1 }), 2)
    for (const gate of gates) gate.open()
    await invalidating
    // And from its acknowledgement, for what was read between its call and its execution.
    await family.get({ id: 2 })
    const commands = [process.hold('invalidate', 'command'), process.hold('bumpGenerations', 'command')]
    version = 3
    const again = invalidate(process, context)
    await Promise.race(commands.map(({ reached }) => reached))
    for (let warm = 0; warm < 2; warm++) t.equal(await family.get({ id: 1 }), 2)
    for (const gate of commands) gate.open()
    await again
    t.equal(await family.get({ id: 1 }), 3)
  })

  t.test(`${what} is kept when the store cannot be asked, and delivered`, async t => {
    const context = opened()
    const { source, reads, all, family } = context
    for (let warm = 0; warm < 2; warm++) await reads(1)
    const [here] = all
    here.faults.set('every', 'connection')
    source.version = 2
    const owed = await invalidate(here, context)
    t.match(owed, {
      ok: false,
      error: {
        code: 'CACHE_INVALIDATE_ERROR',
        reason: 'pending',
        message: /will be delivered/,
        cause: { reason: 'connection' }
      }
    })
    t.equal(here.cache.stats().owed, 1)
    t.equal(await family.get({ id: 1 }), 2, 'this process knows')
    here.faults.clear()
    await delivered(here)
    t.strictSame(await reads(1), [2, 2])
  })

  t.test(`${what} is delivered before its process believes the store again`, async t => {
    const context = opened()
    const { source, reads, all, family } = context
    for (let warm = 0; warm < 2; warm++) await reads(1)
    const [here] = all
    here.faults.set('invalidate', 'timeout').set('bumpGenerations', 'timeout')
    source.version = 2
    t.match(await invalidate(here, context), { ok: false, error: { reason: 'pending' } })
    t.equal(await family.get({ id: 1 }), 2, 'although the store has the old value')
    t.equal(await family.get({ id: 1 }, { consistency: 'strong' }), 2)
    here.faults.clear()
    t.equal(await family.get({ id: 1 }, { consistency: 'strong' }), 2)
    t.equal(here.cache.stats().owed, 0, 'the read has delivered it')
    t.strictSame(await reads(1), [2, 2])
  })
}

t.test('what a read has waited for is not believed while an invalidation of it is undelivered', async t => {
  const fleet = new MemoryFleet()
  const { promise, resolve } = Promise.withResolvers<string>()
  const elsewhere = fleet.open().cache.family<Id, string>(idsOf('a'), { load: () => promise })
  const here = fleet.open()
  const family = here.cache.family(idsOf('a'), { load: () => 'new' })
  const loading = elsewhere.get({ id: 1 })
  await turn()
  const waiting = family.get({ id: 1 })
  await turn()
  here.faults.set('invalidate', 'timeout')
  t.match(await family.invalidate({ id: 1 }), { ok: false, error: { reason: 'pending' } })
  resolve('old')
  await loading
  t.equal(await waiting, 'new')
  t.equal(await family.get({ id: 1 }), 'new')
  here.faults.clear()
  await delivered(here)
  t.equal(await family.get({ id: 1 }), 'new')
})

t.test('an invalidation counts for its own process from its delivery at the latest', async t => {
  const fleet = new MemoryFleet()
  const feed = new HeldFeed(fleet.store.openFeed())
  const here = fleet.open({}, feed)
  const { promise, resolve } = Promise.withResolvers<string>()
  let version = 'old'
  const load = ({ id }: Id) => (id === 1 && version === 'old' ? promise : version)
  const family = here.cache.family<Id, string>(idsOf('a'), { load, tags: () => ['some'] })
  for (let reads = 0; reads < 2; reads++) await family.get({ id: 2 })
  const loading = family.get({ id: 1 })
  await turn()
  here.faults.set('invalidate', 'timeout').set('bumpGenerations', 'timeout')
  await family.invalidate({ id: 1 })
  // The store takes the value, and of that too nobody has told yet.
  feed.hold()
  resolve('old')
  t.equal(await loading, 'old')
  await turn()
  version = 'new'
  here.faults.clear()
  await delivered(here)
  t.equal(await family.get({ id: 1 }), 'new')
})

t.test('a tag that was invalidated counts for its own process from its delivery at the latest', async t => {
  const fleet = new MemoryFleet()
  const feed = new HeldFeed(fleet.store.openFeed())
  const here = fleet.open({}, feed)
  const { promise, resolve } = Promise.withResolvers<string>()
  let version = 'old'
  const options = { tags: () => ['some'], load: () => version }
  const family = here.cache.family<Id, string>(idsOf('a'), options)
  const elsewhere = fleet.open().cache.family<Id, string>(idsOf('a'), { ...options, load: () => promise })
  for (let reads = 0; reads < 2; reads++) await family.get({ id: 2 })
  const loading = elsewhere.get({ id: 1 })
  await turn()
  const waiting = family.get({ id: 1 })
  await turn()
  here.faults.set('bumpGenerations', 'timeout')
  await here.cache.invalidateTags(['some'])
  // The one that has waited learns of the generation that the store still has.
  resolve('old')
  await loading
  await waiting
  feed.hold()
  version = 'new'
  here.faults.clear()
  await delivered(here)
  t.equal(await family.get({ id: 2 }), 'new')
})

t.test('nothing is cached for holdSeconds after an invalidation', async t => {
  const { fleet, reads, family, source } = opened({ holdSeconds: 2 })
  await reads(1)
  const isCached = async () => (await fleet.store.identify('fleet:a:1')).ok && (await family.read({ id: 1 })).status
  for (const write of [
    () => family.invalidate({ id: 1 }),
    async () => (await family.mutate({ id: 1 }, () => undefined)).invalidation,
    () => family.mutate({ id: 1 }, () => Promise.reject(new Error('no'))).catch(() => ok(undefined))
  ]) {
    source.version++
    t.strictSame(await write(), ok(undefined))
    fleet.nowMs += 1_999
    for (let reads = 0; reads < 2; reads++) t.equal(await isCached(), 'miss')
    fleet.nowMs += 1
    await family.get({ id: 1 })
    t.equal(await isCached(), 'hit')
  }
})

t.test('nothing is cached for holdSeconds after an invalidation that was delivered late', async t => {
  for (const invalidate of [
    ({ family }: ReturnType<typeof opened>) => family.invalidate({ id: 1 }),
    ({ family }: ReturnType<typeof opened>) => family.mutate({ id: 1 }, () => undefined)
  ]) {
    const context = opened({ holdSeconds: 2 })
    const { fleet, all } = context
    const [here] = all
    // So that the server is known.
    await context.reads(1)
    here.faults.set('every', 'connection')
    await invalidate(context)
    here.faults.clear()
    await delivered(here)
    t.match(await fleet.store.identify('fleet:a:1'), { value: { kind: 'closed', remainingMs: 2_000 } })
  }
})

t.test('a value that is set needs no hold, unless another write met it', async t => {
  const { fleet, family } = opened({ holdSeconds: 2 })
  await family.set({ id: 1 }, 7)
  t.equal((await family.read({ id: 1 })).status, 'hit')
  await family.mutate({ id: 1 }, () => fleet.store.invalidate(['fleet:a:1']), { value: 8 })
  fleet.nowMs += 1_999
  t.equal((await family.read({ id: 1 })).status, 'miss')
  t.match(await fleet.store.identify('fleet:a:1'), { value: { kind: 'closed', remainingMs: 1 } })
})

t.test('too many undelivered invalidations become one of everything', async t => {
  const { all, reads, source, family } = opened()
  const [here] = all
  await reads(1)
  here.faults.set('every', 'connection')
  source.version = 2
  await family.invalidate(Array.from({ length: 10_001 }, (_, id) => ({ id: 10 + id })))
  t.equal(here.cache.stats().owed, 1)
  here.faults.clear()
  await delivered(here)
  t.strictSame(await reads(1), [2, 2])
})

t.test('an invalidation that is owed again while it is delivered stays owed', async t => {
  const { all, family, reads, source } = opened()
  const [here] = all
  await reads(1)
  here.faults.set('invalidate', 'timeout')
  await family.invalidate({ id: 1 })
  here.faults.clear()
  const gate = here.hold('invalidate', 'answer')
  const reading = family.get({ id: 1 })
  await gate.reached
  // A second one that is lost on its way.
  source.version = 2
  here.faults.set('invalidate', 'timeout')
  await family.invalidate({ id: 1 })
  here.faults.clear()
  gate.open()
  await reading
  await delivered(here)
  t.strictSame(await reads(1), [2, 2])
  t.equal(here.calls.filter(name => name === 'invalidate').length, 4)
})

t.test('a read does not wait for what has nothing to do with it', async t => {
  const { all, family, reads } = opened()
  const [here] = all
  await reads(1)
  here.faults.set('invalidate', 'timeout')
  await family.invalidate({ id: 1 })
  here.faults.clear()
  const gate = here.hold('invalidate', 'answer')
  const reading = family.read({ id: 1 })
  await gate.reached
  here.faults.set('bumpGenerations', 'timeout')
  await here.cache.invalidateTags(['of-2'])
  gate.open()
  t.strictSame(await reading, { value: 1, status: 'miss' })
  t.strictSame(await family.read({ id: 1 }), { value: 1, status: 'hit', tier: 'memory' })
  t.match(here.cache.stats(), { owed: 1, families: { a: { degraded: 0 } } })
  here.faults.clear()
  await delivered(here)
})

t.test('close() delivers what is owed, and says what it could not deliver', async t => {
  for (const isDown of [false, true]) {
    const { all, family, fleet, reads } = opened()
    const [here] = all
    await reads(1)
    here.faults.set('every', 'connection')
    await family.invalidate({ id: 1 })
    if (!isDown) here.faults.clear()
    const closed = await here.cache.close()
    if (!isDown) {
      t.strictSame(closed, ok(undefined))
      t.strictSame(await fleet.store.identify('fleet:a:1'), ok({ kind: 'absent' }))
      continue
    }
    t.match(closed, { ok: false, error: { code: 'CACHE_INVALIDATE_ERROR', reason: 'closed', message: /^1 / } })
    t.strictSame(await here.cache.close(), closed, 'and says it again')
    const late = await family.invalidate({ id: 2 })
    t.match(late, { ok: false, error: { code: 'CACHE_INVALIDATE_ERROR', reason: 'closed' } }, 'not pending')
  }
})
