import { messagePack } from '@dashtam/cache-codecs'
import { ok } from '@dashtam/cache-protocol'
import t from 'tap'
import { MemoryFleet, turn } from './fixtures/fleet/memory-fleet.ts'

t.test('getOrLoad() reads a key through, once for the fleet', async t => {
  const fleet = new MemoryFleet()
  const [here, there] = [fleet.open().cache, fleet.open().cache]
  let loads = 0
  const load = async () => {
    await turn()
    return { load: ++loads }
  }
  const values = await Promise.all([here, there, here].map(cache => cache.getOrLoad('fleet:rates', load)))
  t.strictSame(values, [{ load: 1 }, { load: 1 }, { load: 1 }])
  t.ok(values.every(value => Object.isFrozen(value)))
  t.equal(loads, 1)
})

t.test('getOrLoad() takes what a family would say, for one key', async t => {
  const fleet = new MemoryFleet()
  const { cache } = fleet.open()
  let loads = 0
  const load = () => new Date(++loads)
  const options = { ttlSeconds: 10, staleSeconds: 5, codec: messagePack<Date>(), tags: ['rates', 'all'] }
  const read = () => cache.getOrLoad('fleet:rates', load, options)
  t.strictSame(await read(), new Date(1))
  fleet.nowMs += 12_000
  t.strictSame(await read(), new Date(1), 'stale')
  await turn()
  t.strictSame(await read(), new Date(2))
  t.strictSame(await cache.invalidateTags(['rates']), ok(undefined))
  t.strictSame(await read(), new Date(3))
  await cache.clear()
  t.strictSame(await read(), new Date(4))
})

t.test('getOrLoad() passes the signal on, and hears of its caller’s', async t => {
  const { cache } = new MemoryFleet().open()
  const signals: AbortSignal[] = []
  const leaving = new AbortController()
  const left = cache.getOrLoad(
    'fleet:rates',
    ({ signal }) => {
      signals.push(signal)
      return new Promise<never>(() => undefined)
    },
    { signal: leaving.signal }
  )
  await turn()
  leaving.abort(new Error('gone'))
  await t.rejects(left, { message: 'gone' })
  t.equal(signals[0]?.aborted, true)
})

t.test('getOrLoad() may be a strong read', async t => {
  const fleet = new MemoryFleet()
  const feed = fleet.store.openFeed()
  const { cache } = fleet.open({}, feed)
  for (let reads = 0; reads < 2; reads++) await cache.getOrLoad('fleet:rates', () => 1, { consistency: 'strong' })
  t.equal(feed.stats().barriers, 2)
})

t.test('getOrLoad() rejects for options that make no sense, and for a wrong key', async t => {
  const { cache } = new MemoryFleet().open()
  const load = () => 1
  await t.rejects(cache.getOrLoad('fleet:rates', load, { ttlSeconds: 0 }), {
    name: 'TypeError',
    message: /^getOrLoad: ttlSeconds must be a number above 0/
  })
  await t.rejects(cache.getOrLoad('fleet:rates', load, { ttl: 5 } as never), {
    name: 'TypeError',
    message: "getOrLoad: unknown option 'ttl'"
  })
  await t.rejects(cache.getOrLoad('fleet:rates', load, { consistency: 'weak' as never }), {
    message: 'getOrLoad: consistency must be one of eventual, strong; got weak'
  })
  await t.rejects(cache.getOrLoad('rates', load), { name: 'TypeError', message: /must begin with 'fleet:'/ })
  await t.rejects(cache.getOrLoad('fleet:rates', 7 as never), { name: 'TypeError' })
})

t.test('getOrLoad() counts as one family, however many keys there are', async t => {
  const { cache } = new MemoryFleet().open()
  for (const key of ['fleet:a', 'fleet:b', 'fleet:a', 'fleet:a']) await cache.getOrLoad(key, () => 1)
  t.match(cache.stats().families, { getOrLoad: { loads: 2, misses: 2, memoryHits: 2 } })
  t.strictSame(Object.keys(cache.stats().families), ['getOrLoad'])
})
