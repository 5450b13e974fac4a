import type { FeedListener, InvalidationFeed } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import t from 'tap'
import { type Id, idsOf, MemoryFleet, turn } from './fixtures/fleet/memory-fleet.ts'

const HEARTBEAT_MS = 1_000
const KEY = 'fleet:a:1'

/** A feed that tells nothing, and is not trusted until the test says so. */
class SilentFeed implements InvalidationFeed {
  trustedUntilMs = Number.NEGATIVE_INFINITY
  listener: FeedListener | undefined

  start(listener: FeedListener): void {
    this.listener = listener
  }

  async barrier(): Promise<boolean> {
    return false
  }

  stats() {
    return { mode: 'none', isTrusted: false, messages: 0, gaps: 0, barriers: 0, lagMs: undefined } as const
  }

  async close(): Promise<void> {}
}

/** A process whose loads end when the test says so, in the order in which they began. */
function opened(feed?: InvalidationFeed) {
  const fleet = new MemoryFleet()
  const process = fleet.open({ heartbeatMs: HEARTBEAT_MS }, feed)
  const loads: ((version: number) => void)[] = []
  const load = () => new Promise<number>(resolve => loads.push(resolve))
  const family = process.cache.family<Id, number>(idsOf('a'), { load, tags: ({ id }) => [`tag ${id}`] })
  const read = () => family.get({ id: 1 })
  /** What a read comes to whose load answers this. */
  const loaded = async (version: number) => {
    const reading = read()
    await turn()
    loads.at(-1)?.(version)
    return reading
  }
  return { fleet, ...process, family, loads, read, loaded }
}

for (const operation of ['read', 'readGenerations', 'acquire'] as const) {
  t.test(`what was loaded because ${operation}() was refused or not answered is not loaded again`, async t => {
    for (const reason of ['server', 'timeout'] as const) {
      const { fleet, faults, loads, read, loaded } = opened()
      faults.set(operation, reason)
      t.equal(await loaded(1), 1)
      fleet.nowMs += HEARTBEAT_MS - 1
      t.equal(await read(), 1)
      t.equal(loads.length, 1, 'though the store counts as reachable')
      fleet.nowMs++
      t.equal(await loaded(2), 2)
    }
  })
}

t.test('what was loaded because the store did not answer is asked for as soon as it does', async t => {
  const { faults, loads, loaded } = opened()
  faults.set('read', 'timeout')
  await loaded(1)
  faults.clear()
  t.equal(await loaded(2), 2)
  faults.set('every', 'connection')
  t.equal(await loaded(3), 3, 'and is forgotten')
  t.equal(loads.length, 3)
})

t.test('what could not be stored is kept while the store is away', async t => {
  for (const reason of ['server', 'timeout', 'connection'] as const) {
    const { fleet, faults, loads, read, loaded } = opened(new SilentFeed())
    faults.set('fill', reason)
    t.equal(await loaded(1), 1)
    faults.set('every', reason)
    t.equal(await read(), 1)
    fleet.nowMs += HEARTBEAT_MS
    t.equal(await loaded(2), 2)
    t.equal(loads.length, 2)
  }
})

t.test('a gap of the feed leaves alone what was loaded without the store, of which nobody tells anyway', async t => {
  const feed = new SilentFeed()
  const { faults, loads, read, loaded } = opened(feed)
  faults.set('every', 'connection')
  const reading = read()
  await turn()
  feed.listener?.everythingChanged()
  loads[0]?.(1)
  t.equal(await reading, 1)
  feed.listener?.everythingChanged()
  t.equal(await read(), 1)
  feed.listener?.slotChanged(KEY)
  t.equal(await loaded(2), 2, 'but not a change that was told')
})

t.test('a gap of the feed ends what a store refuses that goes on to tell of changes', async t => {
  const feed = new SilentFeed()
  const { faults, loaded } = opened(feed)
  faults.set('acquire', 'server')
  t.equal(await loaded(1), 1)
  feed.listener?.everythingChanged()
  t.equal(await loaded(2), 2)
})

t.test('an own invalidation that cannot be delivered is one load, and no more until it can', async t => {
  const { faults, family, loads, read, loaded } = opened()
  t.equal(await loaded(1), 1)
  faults.set('invalidate', 'server')
  t.match(await family.invalidate({ id: 1 }), { ok: false, error: { reason: 'pending' } })
  t.equal(await loaded(2), 2)
  t.equal(await read(), 2)
  t.equal(loads.length, 2)
})

t.test('reads that find the store silent, one after the other, share a load', async t => {
  const { fleet, faults, cache, loads, read } = opened(new SilentFeed())
  faults.set('read', 'timeout')
  const first = read()
  await turn()
  fleet.nowMs += HEARTBEAT_MS / 2 - 1
  const second = read()
  await turn()
  t.equal(loads.length, 1)
  fleet.nowMs++
  const late = read()
  await turn()
  t.equal(loads.length, 2, 'for half a heartbeat')
  await cache.invalidateTags(['tag 1'])
  const after = read()
  await turn()
  t.equal(loads.length, 3, 'and not beyond an own invalidation')
  loads.forEach((answer, index) => {
    answer(index + 1)
  })
  t.strictSame(await Promise.all([first, second, late, after]), [1, 1, 2, 3])
})

t.test('a strong read takes nothing that another has loaded without the store', async t => {
  const { faults, family, loads, read, loaded } = opened(new SilentFeed())
  faults.set('read', 'timeout')
  const first = read()
  await turn()
  const strong = family.get({ id: 1 }, { consistency: 'strong' })
  await turn()
  t.equal(loads.length, 2)
  loads[0]?.(1)
  loads[1]?.(2)
  t.strictSame(await Promise.all([first, strong]), [1, 2])
  await loaded(3)
  const again = family.get({ id: 1 }, { consistency: 'strong' })
  await turn()
  loads.at(-1)?.(4)
  t.equal(await again, 4)
})

t.test('without a feed a read joins the load of another only if the store says that nothing has changed', async t => {
  const { fleet, loads, read } = opened(new SilentFeed())
  const first = read()
  await turn()
  fleet.nowMs++
  const second = read()
  await turn()
  t.equal(loads.length, 1, 'its lease is still there')
  await fleet.store.invalidate([KEY])
  fleet.nowMs++
  const third = read()
  await turn()
  t.equal(loads.length, 2)
  loads[0]?.(1)
  loads[1]?.(2)
  t.strictSame(await Promise.all([first, second, third]), [1, 1, 2])
})

t.test('without a feed a read joins one that waits for another process, and has still to ask', async t => {
  const { fleet, calls, loads, read } = opened(new SilentFeed())
  const token = randomId()
  await fleet.store.acquire(KEY, token, 60_000)
  const first = read()
  await turn()
  const reads = () => calls.filter(name => name === 'read').length
  t.equal(reads(), 1)
  fleet.nowMs++
  const second = read()
  await turn()
  t.equal(reads(), 1)
  await fleet.store.release(KEY, token)
  while (loads.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
  loads[0]?.(1)
  t.strictSame(await Promise.all([first, second]), [1, 1])
})

t.test('who waits for another process looks again, since that one may be unable to fill', async t => {
  const { fleet, faults, loads, read } = opened()
  await fleet.store.acquire(KEY, randomId(), 3_600_000)
  const reading = read()
  await turn()
  faults.set('every', 'server')
  const begunMs = performance.now()
  while (loads.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
  t.ok(performance.now() - begunMs >= HEARTBEAT_MS / 4 - 5, 'not all the time')
  loads[0]?.(1)
  t.equal(await reading, 1)
})

t.test('who waits for another process looks again at once when the feed has had a gap', async t => {
  const feed = new SilentFeed()
  feed.trustedUntilMs = Number.POSITIVE_INFINITY
  const { fleet, loads, read } = opened(feed)
  const token = randomId()
  await fleet.store.acquire(KEY, token, 3_600_000)
  const reading = read()
  await turn()
  await fleet.store.release(KEY, token)
  await turn()
  t.equal(loads.length, 0)
  feed.listener?.everythingChanged()
  await turn()
  t.equal(loads.length, 1)
  loads[0]?.(1)
  t.equal(await reading, 1)
})
