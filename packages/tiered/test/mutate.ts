import { ok } from '@dashtam/cache-protocol'
import t from 'tap'
import { delivered, type FleetProcess, type Id, idsOf, MemoryFleet, turn } from './fixtures/fleet/memory-fleet.ts'

/** A source, and families of some processes that read it. */
function opened(
  processes: number,
  { tags = [] as readonly string[], staleSeconds = 0, policy = 'open' as const } = {}
) {
  const fleet = new MemoryFleet()
  const source = { value: 'old', loads: 0 }
  const write = () => {
    source.value = 'new'
    return 7
  }
  const load = () => {
    source.loads++
    return source.value
  }
  const all = Array.from({ length: processes }, () => fleet.open())
  const families = all.map(({ cache }) =>
    cache.family<Id, string>(idsOf('a'), { load, tags: () => tags, staleSeconds, policy })
  )
  return { fleet, source, write, all: all as [FleetProcess, ...FleetProcess[]], families }
}

t.test('mutate() answers what write() returned, and nobody sees the old value afterwards', async t => {
  const { write, families } = opened(2)
  for (const family of families) t.equal(await family.get({ id: 1 }), 'old')
  const mutated = await families[0]?.mutate({ id: 1 }, write)
  t.strictSame(mutated, { value: 7, invalidation: ok(undefined) })
  for (const family of families) t.equal(await family.get({ id: 1 }), 'new')
})

t.test('mutate() keeps what is loaded meanwhile out of the cache, in every process', async t => {
  const { fleet, source, families } = opened(2)
  for (const family of families) await family.get({ id: 1 })
  await families[0]?.mutate({ id: 1 }, async () => {
    for (const family of families) {
      t.strictSame(await family.read({ id: 1 }), { value: 'old', status: 'miss' })
      t.strictSame(await family.read({ id: 1 }), { value: 'old', status: 'miss' }, 'loaded again')
    }
    source.value = 'new'
  })
  t.strictSame(await fleet.store.identify('fleet:a:1'), ok({ kind: 'absent' }))
  for (const family of families) t.equal(await family.get({ id: 1 }), 'new')
})

t.test('mutate() takes the value along that is to be cached', async t => {
  const { source, families } = opened(2)
  await families[1]?.get({ id: 1 })
  await families[0]?.mutate({ id: 1 }, () => undefined, { value: 'given' })
  t.strictSame(await families[0]?.read({ id: 1 }), { value: 'given', status: 'hit', tier: 'memory' })
  t.strictSame(await families[1]?.read({ id: 1 }), { value: 'given', status: 'hit', tier: 'shared' })
  t.equal(source.loads, 1)
})

t.test('mutate() of two at once leaves no value, whoever ends last', async t => {
  const { families, fleet } = opened(2)
  const [here, there] = families
  await here?.mutate({ id: 1 }, () => there?.mutate({ id: 1 }, () => undefined, { value: 'inner' }), { value: 'outer' })
  t.strictSame(await fleet.store.identify('fleet:a:1'), ok({ kind: 'absent' }))
})

t.test('mutate() leaves no value when something was invalidated meanwhile', async t => {
  const { families, fleet } = opened(2)
  const [here, there] = families
  await here?.mutate({ id: 1 }, () => there?.invalidate({ id: 1 }), { value: 'given' })
  t.strictSame(await fleet.store.identify('fleet:a:1'), ok({ kind: 'absent' }))
})

t.test('mutate() rejects with what write() threw, and the old value is gone all the same', async t => {
  const { families, source, fleet } = opened(1)
  const [family] = families
  await family?.get({ id: 1 })
  for (const thrown of [new Error('no'), undefined]) {
    const mutating = family?.mutate({ id: 1 }, () => Promise.reject(thrown), { value: 'given' })
    t.strictSame(await mutating?.then(t.fail, (error: unknown) => ({ error })), { error: thrown })
    t.strictSame(await fleet.store.identify('fleet:a:1'), ok({ kind: 'absent' }))
    source.value = 'perhaps written'
    t.strictSame(await family?.read({ id: 1 }), { value: 'perhaps written', status: 'miss' })
  }
  const sync = family?.mutate({ id: 1 }, () => {
    throw new Error('sync')
  })
  await t.rejects(sync as Promise<unknown>, { message: 'sync' })
})

t.test('mutate() invalidates what depends on its tags, and stores nothing that does', async t => {
  const { all, families, source, write, fleet } = opened(2, { tags: ['some'] })
  const [{ cache }] = all
  const free = cache.family<Id, string>(idsOf('free'), { load: () => source.value })
  for (const family of families) {
    await family.get({ id: 1 })
    await family.get({ id: 2 })
  }
  await free.get({ id: 1 })
  await families[0]?.mutate({ id: 1 }, write, { tags: ['some'], value: 'new' })
  t.strictSame(await fleet.store.identify('fleet:a:1'), ok({ kind: 'absent' }), 'its own tag has changed with it')
  for (const family of families) for (const id of [1, 2]) t.equal(await family.get({ id }), 'new')
  t.equal(await free.get({ id: 1 }), 'old', 'it has no tags')
  await free.mutate({ id: 1 }, () => undefined, { tags: ['some'], value: 'given' })
  t.equal(await free.get({ id: 1 }), 'given', 'and a value of a family without that tag stays')
  t.equal((await families[0]?.read({ id: 2 }))?.status, 'miss')
})

t.test('mutate() keeps what depends on its tags out of the cache while it writes', async t => {
  const { families } = opened(2, { tags: ['some'] })
  const [here, there] = families
  await here?.mutate(
    { id: 1 },
    async () => {
      for (const family of families) {
        t.equal((await family.read({ id: 2 })).status, 'miss')
        t.equal((await family.read({ id: 2 })).status, 'miss', 'loaded again')
      }
    },
    { tags: ['some'] }
  )
  t.equal((await there?.read({ id: 2 }))?.status, 'miss')
  t.equal((await there?.read({ id: 2 }))?.status, 'hit')
})

t.test('a value that a mutate() takes along is invalid when one of its tags has changed while it wrote', async t => {
  const { families, all } = opened(2, { tags: ['some'] })
  await families[0]?.mutate({ id: 1 }, () => all[1]?.cache.invalidateTags(['some']), { value: 'given' })
  t.equal(await families[0]?.get({ id: 1 }), 'old')
})

t.test('a value that a mutate() takes along is not stored while one of its tags is being written', async t => {
  const { families, fleet } = opened(2, { tags: ['some'] })
  const [here, there] = families
  await there?.mutate({ id: 2 }, () => here?.mutate({ id: 1 }, () => undefined, { value: 'given' }), { tags: ['some'] })
  t.strictSame(await fleet.store.identify('fleet:a:1'), ok({ kind: 'absent' }))
})

t.test('mutate() closes its slot for as long as it writes', async t => {
  const fleet = new MemoryFleet()
  const { cache, calls } = fleet.open({ leaseMs: 30 })
  const family = cache.family(idsOf('a'), { load: () => 'v' })
  const count = (name: string) => calls.filter(each => each === name).length
  await family.mutate(
    { id: 1 },
    async () => {
      while (count('renewWrite') < 3) await new Promise(resolve => setTimeout(resolve, 5))
    },
    { tags: ['some'] }
  )
  t.equal(count('renewGenerationWrite'), count('renewWrite'))
  const renewals = count('renewWrite')
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(count('renewWrite'), renewals, 'and no longer')
  await t.rejects(
    family.mutate({ id: 1 }, () => Promise.reject(new Error('no'))),
    { message: 'no' }
  )
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(count('renewWrite'), renewals)
})

t.test('a process that dies while it writes leaves the slot closed for a lease, and the old value is gone', async t => {
  const { fleet, source, families } = opened(2)
  const [dying, family] = families
  await family?.get({ id: 1 })
  const { promise: never } = Promise.withResolvers<void>()
  void dying?.mutate({ id: 1 }, () => {
    source.value = 'new'
    return never
  })
  await turn()
  t.strictSame(await family?.read({ id: 1 }), { value: 'new', status: 'miss' })
  fleet.nowMs += 3_000
  await family?.get({ id: 1 })
  t.equal((await family?.read({ id: 1 }))?.status, 'hit')
})

t.test('mutate() rejects for a key or a tag that no store takes, and writes nothing', async t => {
  const fleet = new MemoryFleet()
  const { cache } = fleet.open()
  const strange = cache.family(
    Object.assign(() => 'other:1', { family: 'strange' }),
    { load: () => 'v' }
  )
  await t.rejects(
    strange.mutate(undefined, () => t.fail('is not called')),
    { name: 'TypeError', message: /^strange: the key must begin with 'fleet:'/ }
  )
  const family = cache.family(idsOf('a'), { load: () => 'v' })
  await t.rejects(
    family.mutate({ id: 1 }, () => t.fail('is not called'), { tags: ['x'.repeat(9_000)] }),
    { name: 'TypeError', message: /^a: the name of a generation must be at most/ }
  )
  t.strictSame(await fleet.store.identify('fleet:a:1'), ok({ kind: 'absent' }), 'and leaves no slot closed')
  const typo = cache.family(
    Object.assign(
      ({ id }: Id) => {
        if (id < 0) throw new TypeError('no such id')
        return `fleet:typo:${id}`
      },
      { family: 'typo' }
    ),
    { load: () => 'v' }
  )
  await t.rejects(
    typo.mutate({ id: -1 }, () => t.fail('is not called')),
    { message: 'no such id' }
  )
})

t.test('mutate() goes on with a value that cannot be stored', async t => {
  const { cache } = new MemoryFleet().open()
  const family = cache.family<Id, unknown>(idsOf('a'), { load: () => 'loaded' })
  const mutated = await family.mutate({ id: 1 }, () => 'written', { value: new Date(0) })
  t.strictSame(mutated, { value: 'written', invalidation: ok(undefined) })
  t.equal(await family.get({ id: 1 }), 'loaded')
  t.match(cache.stats().families.a, { unstorable: 1, invalidations: 1 })
})

t.test('mutate() writes without the store, and delivers its invalidation later', async t => {
  const { all, families, write } = opened(2)
  const [here, there] = families
  await there?.get({ id: 1 })
  await there?.get({ id: 1 })
  all[0].faults.set('every', 'connection')
  const mutated = await here?.mutate({ id: 1 }, write, { value: 'new' })
  t.match(mutated, {
    value: 7,
    invalidation: {
      ok: false,
      error: { code: 'CACHE_INVALIDATE_ERROR', reason: 'pending', cause: { reason: 'connection' } }
    }
  })
  t.equal(await there?.get({ id: 1 }), 'old', 'nobody knows')
  t.equal(await here?.get({ id: 1 }), 'new', 'but this process')
  all[0].faults.clear()
  await delivered(all[0])
  for (const family of families) t.equal(await family.get({ id: 1 }), 'new')
})

t.test('mutate() whose end is lost stores nothing late', async t => {
  const { all, families, source, write, fleet } = opened(2)
  const [here, there] = families
  all[0].faults.set('endWrite', 'timeout')
  const mutated = await here?.mutate({ id: 1 }, write, { value: 'new' })
  t.match(mutated?.invalidation, { ok: false, error: { reason: 'pending' } })
  source.value = 'newer'
  t.equal(await there?.get({ id: 1 }), 'newer', 'the slot is still closed')
  all[0].faults.clear()
  t.equal(await here?.get({ id: 1 }), 'newer')
  fleet.nowMs += 3_000
  t.equal(await there?.get({ id: 1 }), 'newer')
})

t.test('mutate() does not store under a slot that it could not close', async t => {
  const { all, families, fleet } = opened(1)
  const [{ faults, hold }] = all
  for (const isExecuted of [false, true]) {
    const gate = hold('beginWrite', isExecuted ? 'answer' : 'command')
    const mutating = families[0]?.mutate({ id: 1 }, () => faults.clear(), { value: 'given' })
    await gate.reached
    faults.set('beginWrite', 'timeout')
    gate.open()
    t.strictSame((await mutating)?.invalidation, ok(undefined), 'its end is an invalidation')
    t.strictSame(await fleet.store.identify('fleet:a:1'), ok({ kind: 'absent' }))
  }
})

t.test('set() stores a value for every process, without asking the source', async t => {
  const { families, source } = opened(2)
  await families[1]?.get({ id: 1 })
  t.strictSame(await families[0]?.set({ id: 1 }, 'given'), ok(undefined))
  for (const family of families) t.equal(await family.get({ id: 1 }), 'given')
  t.equal(source.loads, 1)
})

t.test('set() of two at once leaves neither value', async t => {
  const { families, all, fleet } = opened(2)
  const gate = all[0].hold('endWrite', 'command')
  const first = families[0]?.set({ id: 1 }, 'first')
  await gate.reached
  await families[1]?.set({ id: 1 }, 'second')
  gate.open()
  t.strictSame(await first, ok(undefined))
  t.strictSame(await fleet.store.identify('fleet:a:1'), ok({ kind: 'absent' }))
})

t.test('set() answers with a Result when the store cannot be asked, and for a wrong key', async t => {
  const { families, all, fleet } = opened(1, { policy: 'closed' as never })
  all[0].faults.set('every', 'connection')
  t.match(await families[0]?.set({ id: 1 }, 'given'), { ok: false, error: { reason: 'pending' } })
  const strange = fleet.open().cache.family(
    Object.assign(() => 'other:1', { family: 'strange' }),
    { load: () => 'v' }
  )
  t.match(await strange.set(undefined, 'v'), { ok: false, error: { code: 'CACHE_INVALID_ARGUMENT' } })
})
