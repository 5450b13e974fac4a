import t from 'tap'
import { HeldFeed } from './fixtures/fleet/held-feed.ts'
import { type Id, idsOf, MemoryFleet, turn } from './fixtures/fleet/memory-fleet.ts'

const ids = (...all: number[]): Id[] => all.map(id => ({ id }))

function family(fleet: MemoryFleet) {
  const calls: number[][] = []
  const loadMany = async (params: readonly Id[]) => {
    calls.push(params.map(({ id }) => id))
    await turn()
    return params.map(({ id }) => `v${id}`)
  }
  const load = () => t.fail('load() is not called') as never
  return { calls, family: fleet.open().cache.family<Id, string>(idsOf('a'), { load, loadMany }) }
}

t.test('getMany() answers in order, and loads what is missing in one call', async t => {
  const fleet = new MemoryFleet()
  const { family: some, calls } = family(fleet)
  t.strictSame(await some.getMany(ids(3, 1, 2)), ['v3', 'v1', 'v2'])
  t.strictSame(calls, [[3, 1, 2]])
  t.strictSame(await some.getMany(ids(4, 1, 5, 2)), ['v4', 'v1', 'v5', 'v2'])
  t.strictSame(calls.slice(1), [[4, 5]], 'only those that are not cached')
  t.strictSame(await some.getMany(ids(2, 1)), ['v2', 'v1'])
  t.strictSame(await some.getMany([]), [])
  t.equal(calls.length, 2)
})

t.test('getMany() loads a key once that is asked for twice', async t => {
  const { family: some, calls } = family(new MemoryFleet())
  t.strictSame(await some.getMany(ids(1, 2, 1, 1)), ['v1', 'v2', 'v1', 'v1'])
  t.strictSame(calls, [[1, 2]])
})

t.test('getMany() loads a key once that is asked for twice and cannot be read', async t => {
  const fleet = new MemoryFleet()
  const feed = new HeldFeed(fleet.store.openFeed())
  const here = fleet.open({}, feed)
  const calls: number[][] = []
  const some = here.cache.family<Id, string>(idsOf('a'), {
    // Time passes between one and the next, so that nobody joins who could ask for himself.
    tags: () => {
      fleet.nowMs++
      return []
    },
    load: () => t.fail('load() is not called') as never,
    loadMany: params => {
      calls.push(params.map(({ id }) => id))
      return params.map(({ id }) => `v${id}`)
    }
  })
  feed.cut()
  here.faults.set('read', 'timeout')
  t.strictSame(await some.getMany(ids(1, 2, 1)), ['v1', 'v2', 'v1'])
  t.strictSame(calls, [[1, 2]])
})

t.test('getMany() shares its loads with the reads of others', async t => {
  const fleet = new MemoryFleet()
  const { family: some, calls } = family(fleet)
  const [many, again] = await Promise.all([some.getMany(ids(1, 2)), some.getMany(ids(2, 3))])
  t.strictSame(many, ['v1', 'v2'])
  t.strictSame(again, ['v2', 'v3'])
  t.strictSame(calls.flat().sort(), [1, 2, 3])
})

t.test('getMany() does not have its others wait for a member that another process loads', async t => {
  const fleet = new MemoryFleet()
  const { promise, resolve } = Promise.withResolvers<string>()
  const elsewhere = fleet
    .open()
    .cache.family(idsOf('a'), { load: () => promise })
    .get({ id: 2 })
  await turn()
  const { family: some, calls } = family(fleet)
  const reading = some.getMany(ids(1, 2, 3))
  await turn()
  await turn()
  t.strictSame(calls, [[1, 3]], 'they are loaded meanwhile')
  resolve('from elsewhere')
  t.strictSame(await reading, ['v1', 'from elsewhere', 'v3'])
  t.equal(await elsewhere, 'from elsewhere')
  t.equal(calls.length, 1)
})

t.test('getMany() loads a member by itself when the process that loaded it has failed', async t => {
  const fleet = new MemoryFleet()
  const { promise, reject } = Promise.withResolvers<string>()
  const elsewhere = fleet
    .open()
    .cache.family(idsOf('a'), { load: () => promise })
    .get({ id: 2 })
  await turn()
  const { family: some, calls } = family(fleet)
  const reading = some.getMany(ids(1, 2))
  await turn()
  reject(new Error('no'))
  await t.rejects(elsewhere)
  t.strictSame(await reading, ['v1', 'v2'])
  t.strictSame(calls, [[1], [2]])
})

t.test('getMany() calls load() for each without a loadMany()', async t => {
  const loads: number[] = []
  const some = new MemoryFleet().open().cache.family(idsOf('a'), {
    load: ({ id }) => {
      loads.push(id)
      return id
    }
  })
  t.strictSame(await some.getMany(ids(2, 1, 2)), [2, 1, 2])
  t.strictSame(loads, [2, 1])
})

t.test('getMany() rejects with what loadMany() threw, and caches nothing', async t => {
  let isBroken = true
  const some = new MemoryFleet().open().cache.family<Id, number>(idsOf('a'), {
    load: ({ id }) => id,
    loadMany: async params => {
      if (isBroken) throw new Error('no')
      return params.map(({ id }) => id)
    }
  })
  await t.rejects(some.getMany(ids(1, 2)), { message: 'no' })
  isBroken = false
  t.strictSame(await some.getMany(ids(1, 2)), [1, 2])
})

t.test('getMany() refuses fewer values than it has asked for, and an undefined among them', async t => {
  const { cache } = new MemoryFleet().open()
  const short = cache.family(idsOf('short'), { load: () => 1, loadMany: () => [1] })
  await t.rejects(short.getMany(ids(1, 2)), { name: 'TypeError', message: /each of 2 parameters, got 1/ })
  const holey = cache.family<Id, number | undefined>(idsOf('holey'), { load: () => 1, loadMany: () => [1, undefined] })
  await t.rejects(holey.getMany(ids(1, 2)), { name: 'TypeError', message: /answered undefined/ })
})

t.test('getMany() aborts loadMany() when its caller has left, not before', async t => {
  const signals: AbortSignal[] = []
  const first = Promise.withResolvers<void>()
  const some = new MemoryFleet().open().cache.family<Id, number>(idsOf('a'), {
    load: ({ id }) => id,
    loadMany: async (params, { signal }) => {
      signals.push(signal)
      await (signals.length === 1 ? first.promise : new Promise<never>(() => undefined))
      return params.map(({ id }) => id)
    }
  })
  const leaving = new AbortController()
  const left = some.getMany(ids(1, 2), { signal: leaving.signal })
  const staying = some.get({ id: 2 })
  await turn()
  leaving.abort(new Error('gone'))
  await t.rejects(left, { message: 'gone' })
  t.equal(signals.length, 1)
  t.equal(signals[0]?.aborted, false, 'somebody still waits for one of them')
  first.resolve()
  t.equal(await staying, 2)
  const alone = new AbortController()
  const abandoned = some.getMany(ids(3, 4), { signal: alone.signal })
  await turn()
  alone.abort(new Error('gone'))
  await t.rejects(abandoned, { message: 'gone' })
  t.equal(signals[1]?.aborted, true)
})

t.test('getMany() does not wait for itself when a key is asked for twice and nothing may be joined', async t => {
  const fleet = new MemoryFleet()
  const feed = fleet.store.openFeed()
  const calls: number[][] = []
  const some = fleet.open({}, feed).cache.family<Id, string>(idsOf('a'), {
    load: ({ id }) => `v${id}`,
    loadMany: params => {
      calls.push(params.map(({ id }) => id))
      return params.map(({ id }) => `v${id}`)
    },
    hardTimeoutMs: 2_000
  })
  await feed.close()
  t.strictSame(await some.getMany(ids(1, 1, 2), { consistency: 'strong' }), ['v1', 'v1', 'v2'])
  t.strictSame(calls, [[1, 2]])
})

t.test('getMany() reads none of them when one has no key', async t => {
  let loads = 0
  const keyOf = ({ id }: Id) => {
    if (id < 0) throw new TypeError('no such id')
    return `fleet:a:${id}`
  }
  const keys = Object.assign(keyOf, { family: 'a' })
  const some = new MemoryFleet().open().cache.family(keys, { load: () => ++loads, loadMany: () => [++loads] })
  await t.rejects(some.getMany(ids(1, -1)), { name: 'TypeError', message: 'no such id' })
  await turn()
  t.equal(loads, 0)
})
