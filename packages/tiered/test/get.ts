import t from 'tap'
import { idsOf, MemoryFleet, turn } from './fixtures/fleet/memory-fleet.ts'

t.test('get() loads a value once, and serves it from then on', async t => {
  const fleet = new MemoryFleet()
  let loads = 0
  const family = fleet.open().cache.family(idsOf('a'), { load: ({ id }) => ({ id, load: ++loads }) })
  t.strictSame(await family.get({ id: 1 }), { id: 1, load: 1 })
  t.strictSame(await family.get({ id: 1 }), { id: 1, load: 1 })
  t.equal(await family.get({ id: 1 }), await family.get({ id: 1 }), 'one object for all readers')
  t.strictSame(await family.get({ id: 2 }), { id: 2, load: 2 })
})

t.test('read() tells how each reader was served, in its own process and in the next', async t => {
  const fleet = new MemoryFleet()
  const { promise, resolve } = Promise.withResolvers<string>()
  let loads = 0
  const load = () => {
    loads++
    return promise
  }
  const here = fleet.open().cache.family(idsOf('a'), { load })
  const there = fleet.open().cache.family(idsOf('a'), { load })
  const loading = here.read({ id: 1 })
  await turn()
  const joining = here.read({ id: 1 })
  const waiting = there.read({ id: 1 })
  await turn()
  resolve('v')
  t.strictSame(await loading, { value: 'v', status: 'miss' })
  t.strictSame(await joining, { value: 'v', status: 'collapsed' })
  t.strictSame(await waiting, { value: 'v', status: 'collapsed' })
  t.strictSame(await here.read({ id: 1 }), { value: 'v', status: 'hit', tier: 'memory' })
  const third = fleet.open().cache.family(idsOf('a'), { load })
  t.strictSame(await third.read({ id: 1 }), { value: 'v', status: 'hit', tier: 'shared' })
  t.strictSame(await third.read({ id: 1 }), { value: 'v', status: 'hit', tier: 'memory' })
  t.equal(loads, 1)
})

t.test('get() runs a failing loader once for its 100 waiters, and again for the next', async t => {
  const fleet = new MemoryFleet()
  for (const thrown of [new Error('no'), undefined, null, '']) {
    let loads = 0
    let isBroken = true
    const family = fleet.open().cache.family(idsOf(`of ${String(thrown)}`), {
      load: async () => {
        loads++
        await turn()
        if (isBroken) throw thrown
        return 'v'
      }
    })
    const settled = await Promise.allSettled(Array.from({ length: 100 }, () => family.get({ id: 1 })))
    t.ok(
      settled.every(each => each.status === 'rejected' && each.reason === thrown),
      'each gets what the loader threw'
    )
    t.equal(loads, 1)
    isBroken = false
    t.equal(await family.get({ id: 1 }), 'v')
    t.equal(loads, 2)
  }
})

t.test('get() lets the next process load when the loader of the first has failed', async t => {
  const fleet = new MemoryFleet()
  const { promise, reject } = Promise.withResolvers<string>()
  const here = fleet.open().cache.family(idsOf('a'), { load: () => promise })
  const there = fleet.open().cache.family(idsOf('a'), { load: () => 'from there' })
  const failing = here.get({ id: 1 })
  await turn()
  const waiting = there.get({ id: 1 })
  await turn()
  reject(new Error('no'))
  await t.rejects(failing, { message: 'no' })
  t.equal(await waiting, 'from there')
})

t.test('get() takes null for a value and undefined for a mistake', async t => {
  const fleet = new MemoryFleet()
  let loads = 0
  const { cache } = fleet.open()
  const nothing = cache.family(idsOf('null'), {
    load: () => {
      loads++
      return null
    }
  })
  t.equal(await nothing.get({ id: 1 }), null)
  t.equal(await nothing.get({ id: 1 }), null)
  t.equal(loads, 1)
  const forgetful = cache.family(idsOf('undefined'), { load: () => undefined })
  await t.rejects(forgetful.get({ id: 1 }), { name: 'TypeError', message: /'undefined'.*undefined/ })
})

t.test('get() refuses a key that is not of the keyspace', async t => {
  const { cache } = new MemoryFleet().open()
  const family = cache.family(
    Object.assign(({ id }: { id: number }) => `other:${id}`, { family: 'other' }),
    {
      load: () => 'v'
    }
  )
  await t.rejects(family.get({ id: 1 }), { name: 'TypeError', message: /must begin with 'fleet:'/ })
})

t.test('get() passes the barrier when the read is to be strong', async t => {
  const fleet = new MemoryFleet()
  const feed = fleet.store.openFeed()
  const { cache } = fleet.open({}, feed)
  const family = cache.family(idsOf('a'), { load: () => 'v' })
  await family.get({ id: 1 })
  t.equal(feed.stats().barriers, 0)
  t.strictSame(await family.read({ id: 1 }, { consistency: 'strong' }), { value: 'v', status: 'hit', tier: 'memory' })
  t.equal(feed.stats().barriers, 1)
  const misspelt = { consistency: 'STRONG' } as never
  const told = new TypeError('a: consistency must be one of eventual, strong; got STRONG')
  await t.rejects(family.get({ id: 1 }, misspelt), told)
  await t.rejects(family.read({ id: 1 }, misspelt), told)
  await t.rejects(family.lookup({ id: 1 }, misspelt), told)
  await t.rejects(family.read({ id: 1 }, 'strong' as never), new TypeError('a: options must be an object, got string'))
  const strong = cache.family(idsOf('b'), { load: () => 'v', consistency: 'strong' })
  await strong.get({ id: 1 })
  t.equal(feed.stats().barriers, 2, 'the family says so')
  await strong.get({ id: 1 }, { consistency: 'eventual' })
  t.equal(feed.stats().barriers, 2, 'the call says otherwise')
})

t.test('get() neither joins nor keeps anything for a strong read while there is no barrier', async t => {
  const fleet = new MemoryFleet()
  const feed = fleet.store.openFeed()
  const { cache } = fleet.open({}, feed)
  let value = 'old'
  const family = cache.family(idsOf('a'), { load: () => value })
  await family.get({ id: 1 })
  await feed.close()
  value = 'new'
  await fleet.store.invalidate(['fleet:a:1'])
  t.equal(await family.get({ id: 1 }, { consistency: 'strong' }), 'new')
})
