import { BoundedStore } from '@dashtam/cache-memory'
import t from 'tap'
import {
  changeOfHeart,
  loop,
  type Pattern,
  popularWithScans,
  randomFrom,
  shiftingRecency
} from '../fixtures/access-patterns.ts'
import { fixedWindowTinyLfu, lru, type Policy } from '../fixtures/plain-policies.ts'

const CAPACITY = 500
const patterns = { loop, popularWithScans, shiftingRecency, changeOfHeart }
const traces = Object.entries(patterns).map(([name, pattern]) => ({ name, keys: keysOf(pattern), best: best(pattern) }))

/** The patterns under which a policy is more than 2 points behind the better of LRU and W-TinyLFU. */
function behindIn(policy: () => Policy): string[] {
  return traces.filter(({ keys, best }) => hitPercent(keys, policy()) < best - 2).map(({ name }) => name)
}

t.test('get() hits about as often as with the better of LRU and W-TinyLFU, whatever the pattern', async t => {
  for (const seed of [1, 2, 3])
    t.strictSame(
      behindIn(() => bounded(CAPACITY, seed)),
      [],
      `seed ${seed}`
    )
})

t.test('get() hits more often than with either when the pattern changes', async t => {
  const keys = keysOf(changeOfHeart)
  t.ok(hitPercent(keys, bounded(CAPACITY, 1)) > best(changeOfHeart) + 5)
})

t.test('get() of a popular key survives a scan ten times as long as the store', async t => {
  const access = bounded(CAPACITY, 1)
  const popular = Array.from({ length: CAPACITY / 2 }, (_, index) => `popular${index}`)
  const scan = Array.from({ length: CAPACITY * 10 }, (_, index) => `scan${index}`)
  for (let round = 0; round < 10; round++) hitPercent(popular, access)
  t.equal(hitPercent(scan, access), 0)
  t.ok(hitPercent(popular, access) > 90)
})

t.test('get() is not misled by keys that are deleted soon after they were set, and set again', async t => {
  const store = new BoundedStore<true>({ maxEntries: CAPACITY, maxBytes: 1e9, weigh: () => 1, clock: () => 0, seed: 1 })
  const recent = keysOf(shiftingRecency)
  let hits = 0
  for (const [index, key] of keysOf(loop).entries()) {
    for (const soonGone of [recent[index], recent[recent.length - 1 - index]]) {
      store.set(`${soonGone}`, true, Infinity)
      store.delete(`${soonGone}`)
    }
    if (store.get(key) !== undefined) hits++
    else store.set(key, true, Infinity)
  }
  // A wide window would hit the deleted ones, if they were there, and none of the others.
  t.ok(hits / recent.length > 0.6, `${hits / recent.length}`)
})

// Neither of them alone would pass: so each pattern asks for something of its own.
t.test('a plain LRU is behind where popularity counts', async t => {
  t.strictSame(
    behindIn(() => lru(CAPACITY)),
    ['loop', 'popularWithScans', 'changeOfHeart']
  )
})

t.test('a fixed window is behind where recency counts', async t => {
  t.strictSame(
    behindIn(() => fixedWindowTinyLfu(CAPACITY)),
    ['shiftingRecency']
  )
})

for (const capacity of [1, 2, 4, 10]) {
  t.test(`get() of a store of ${capacity} hits exactly as with a plain LRU`, async t => {
    const [store, plain] = [bounded(capacity, 1), lru(capacity)]
    const random = randomFrom(capacity)
    let hits = 0
    for (let step = 0; step < 20_000; step++) {
      const key = `k${Math.floor(random() * random() * capacity * 3)}`
      const isHit = plain(key)
      if (store(key) !== isHit) return t.fail(`differs at step ${step}`)
      if (isHit) hits++
    }
    t.ok(hits > 1_000)
  })
}

for (const capacity of [16, 24, 50]) {
  t.test(`get() of a store of ${capacity} hits at least as often as with a plain LRU`, async t => {
    const keys = popularWithScans(capacity, randomFrom(capacity))
    t.ok(hitPercent(keys, bounded(capacity, 1)) > hitPercent(keys, lru(capacity)))
  })
}

t.test('get() adapts in a store that its bytes bound as in one that its entries do', async t => {
  const byBytes = (seed: number) => bounded(1_000_000, seed, { bytesPerEntry: 100, maxBytes: CAPACITY * 100 })
  t.strictSame(
    behindIn(() => byBytes(1)),
    []
  )
})

/** Reads through, as a cache in front of a source does. */
function bounded(maxEntries: number, seed: number, { bytesPerEntry = 1, maxBytes = 1_000_000_000 } = {}): Policy {
  const store = new BoundedStore<true>({ maxEntries, maxBytes, weigh: () => bytesPerEntry, clock: () => 0, seed })
  return key => {
    if (store.get(key) !== undefined) return true
    store.set(key, true, Infinity)
    return false
  }
}

function best(pattern: Pattern): number {
  const keys = keysOf(pattern)
  return Math.max(...[lru, fixedWindowTinyLfu].map(policy => hitPercent(keys, policy(CAPACITY))))
}

function keysOf(pattern: Pattern): string[] {
  return pattern(CAPACITY, randomFrom(42))
}

function hitPercent(keys: readonly string[], policy: Policy): number {
  let hits = 0
  for (const key of keys) if (policy(key)) hits++
  return (100 * hits) / keys.length
}
