import { BoundedStore, type BoundedStoreOptions, type RemovalReason } from '@dashtam/cache-memory'
import t from 'tap'

t.test('get() misses from the millisecond the entry expires', async t => {
  const { store, clock } = create()
  store.set('a', 1, 50)
  clock.nowMs += 49
  t.equal(store.get('a'), 1, 'one ms left')
  clock.nowMs += 1
  t.equal(store.get('a'), undefined, 'expired')
})

t.test('use() is a use that is not counted, also when the time of the entry is over', async t => {
  const { store, clock, removed } = create({ maxEntries: 2 })
  store.set('a', 1, 50)
  store.set('b', 2, Infinity)
  clock.nowMs += 50
  t.equal(store.use('a'), 1)
  t.equal(store.use('c'), undefined)
  t.match(store.stats(), { hits: 0, misses: 0 })
  clock.nowMs -= 50
  store.set('c', 3, Infinity)
  t.strictSame(removed, [['b', 2, 'evicted']], 'the one that was not used')
})

t.test('set() evicts the least recently used entry when there are too many', async t => {
  const { store, removed } = create({ maxEntries: 3 })
  for (const key of ['a', 'b', 'c']) store.set(key, 1, Infinity)
  store.get('a')
  store.peek('b')
  store.set('d', 1, Infinity)
  t.strictSame(store.keys().sort(), ['a', 'c', 'd'], 'get() is a use, peek() is none')
  t.strictSame(removed, [['b', 1, 'evicted']])
})

t.test('set() evicts as many as the bytes of the new entry need', async t => {
  const { store, removed } = create({ maxBytes: 80, maxEntryBytes: 40 })
  store.set('a', 40, Infinity)
  store.set('b', 20, Infinity)
  store.set('c', 20, Infinity)
  store.set('d', 30, Infinity)
  t.strictSame(store.keys(), ['b', 'c', 'd'])
  t.equal(store.stats().bytes, 70)
  store.set('e', 40, Infinity)
  t.strictSame(store.keys(), ['d', 'e'])
  t.equal(removed.length, 3)
})

t.test('set() of a key that is there takes its place: nobody is evicted, no byte counted twice', async t => {
  const { store, removed } = create({ maxEntries: 2, maxBytes: 80, maxEntryBytes: 40 })
  store.set('a', 40, Infinity)
  store.set('b', 40, Infinity)
  store.set('a', 30, Infinity)
  t.strictSame([store.get('a'), store.get('b')], [30, 40])
  t.equal(store.stats().bytes, 70)
  t.strictSame(removed, [])
})

t.test('set() never evicts what it has just stored, however large and whatever it pushes out', async t => {
  const { store, removed } = create({ maxEntries: 200, maxBytes: 10_000, maxEntryBytes: 5_000, seed: 1 })
  for (let index = 0; index < 5_000; index++) {
    const bytes = index % 7 === 0 ? 4_900 : 10 + (index % 90)
    store.set(`k${index}`, bytes, Infinity)
    if (store.peek(`k${index}`) !== bytes) return t.fail(`k${index} is gone`)
    // What is popular is not pushed out for it, so most of these are.
    for (let popular = 0; popular < 10; popular++) store.get(`k${popular * 7 + 1}`)
  }
  t.ok(removed.every(([, , reason]) => reason === 'evicted'))
  t.ok(removed.length > 4_500)
})

t.test('set() of a value that grew makes room as a new one does', async t => {
  const { store } = create({ maxEntries: 100, maxBytes: 1_000, maxEntryBytes: 900, seed: 1 })
  for (let index = 0; index < 100; index++) store.set(`k${index}`, 10, Infinity)
  store.set('k0', 900, Infinity)
  t.equal(store.peek('k0'), 900)
  t.equal(store.stats().bytes, 1_000)
})

t.test('onRemove may use the store', async t => {
  const removed: string[] = []
  const store: BoundedStore<number> = new BoundedStore<number>({
    maxEntries: 20,
    maxBytes: 100,
    maxEntryBytes: 50,
    weigh: value => value,
    clock: () => 0,
    onRemove: key => {
      removed.push(key)
      if (removed.length % 3 === 0) store.delete(`k${removed.length}`)
      if (removed.length % 5 === 0) store.set(`again${removed.length}`, 3, Infinity)
    }
  })
  for (let index = 0; index < 300; index++) store.set(`k${index}`, 1 + (index % 9), Infinity)
  const { entries, bytes } = store.stats()
  const values = store.keys().map(key => store.peek(key) ?? Number.NaN)
  t.equal(entries, values.length)
  t.equal(
    bytes,
    values.reduce((sum, value) => sum + value, 0)
  )
  t.ok(entries <= 20 && bytes <= 100)
})

t.test('set() refuses an entry larger than its share, and what it was to replace is gone', async t => {
  const { store } = create({ maxBytes: 80 })
  t.ok(store.set('a', 10, Infinity), 'an eighth')
  t.notOk(store.set('a', 11, Infinity))
  t.equal(store.get('a'), undefined)
  t.match(store.stats(), { refusals: 1, entries: 0, bytes: 0 })
})

t.test('set() reclaims what has expired, although nobody asks for it', async t => {
  const { store, clock, removed } = create({ maxEntries: 1_000 })
  for (let index = 0; index < 100; index++) store.set(`old${index}`, 1, 10)
  clock.nowMs += 10
  for (let index = 0; index < 100; index++) store.set(`new${index}`, 1, Infinity)
  t.match(store.stats(), { entries: 100, bytes: 100, expirations: 100, evictions: 0 })
  t.ok(removed.every(([key, , reason]) => key.startsWith('old') && reason === 'expired'))
})

t.test('set() calls it an expiry, not an eviction, when what makes room was over anyway', async t => {
  const { store, clock, removed } = create({ maxEntries: 4 })
  for (const key of ['a', 'b', 'c', 'd']) store.set(key, 1, Infinity)
  // The sweep looks at the first two; the fourth is the least recently used.
  store.expire('d', 5)
  for (const key of ['a', 'b', 'c']) store.get(key)
  clock.nowMs += 5
  store.set('e', 1, Infinity)
  t.strictSame(removed, [['d', 1, 'expired']])
})

t.test('expire() and remainingMs() keep absent, endless and limited apart', async t => {
  const { store, clock } = create()
  t.equal(store.remainingMs('a'), undefined)
  t.notOk(store.expire('a', 10))
  store.set('a', 1, Infinity)
  t.equal(store.remainingMs('a'), Infinity)
  t.ok(store.expire('a', 10))
  clock.nowMs += 4
  t.equal(store.remainingMs('a'), 6)
  clock.nowMs += 6
  t.equal(store.remainingMs('a'), undefined)
})

t.test('delete() tells whether there was a live entry', async t => {
  const { store, clock, removed } = create()
  store.set('a', 1, 5)
  store.set('b', 1, 5)
  t.ok(store.delete('a'))
  t.notOk(store.delete('a'))
  clock.nowMs += 5
  t.notOk(store.delete('b'))
  t.strictSame(removed, [['b', 1, 'expired']], 'a deletion is not told')
})

t.test('clear() leaves an empty store that works', async t => {
  const { store } = create({ maxEntries: 2 })
  for (const key of ['a', 'b', 'c']) store.set(key, 1, Infinity)
  store.clear()
  t.match(store.stats(), { entries: 0, bytes: 0 })
  for (const key of ['d', 'e', 'f']) store.set(key, 1, Infinity)
  t.strictSame(store.keys(), ['e', 'f'])
  t.match(store.stats(), { entries: 2, bytes: 2, evictions: 2 }, 'one before and one after')
})

t.test('stats() counts hits and misses of get() alone', async t => {
  const { store } = create()
  store.set('a', 1, Infinity)
  store.get('a')
  store.get('absent')
  store.peek('a')
  t.match(store.stats(), { hits: 1, misses: 1 })
})

t.test('__proto__ and its like are keys as any other', async t => {
  const { store } = create()
  for (const key of ['__proto__', 'constructor', 'toString']) {
    t.equal(store.get(key), undefined)
    store.set(key, 1, Infinity)
    t.equal(store.get(key), 1)
  }
})

t.test(
  'BoundedStore of less than 16 entries is an exact LRU: it agrees with a plain model over 20,000 random operations',
  async t => {
    const { store } = create({ maxEntries: 8, maxBytes: 60, maxEntryBytes: 20 })
    const model = new Map<string, number>()
    let seed = 42
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
      return (seed >>> 8) % below
    }
    for (let step = 0; step < 20_000; step++) {
      const key = `k${random(14)}`
      const kind = random(4)
      if (kind === 0) {
        const value = 1 + random(22)
        model.delete(key)
        if (store.set(key, value, Infinity)) {
          model.set(key, value)
          while (model.size > 8 || weight(model) > 60) model.delete([...model.keys()][0] as string)
        }
      } else if (kind === 1) {
        if (store.delete(key) !== model.delete(key)) return t.fail(`delete() differs at step ${step}`)
      } else {
        const value = model.get(key)
        if (store.get(key) !== value) return t.fail(`get() differs at step ${step}`)
        if (value !== undefined) {
          model.delete(key)
          model.set(key, value)
        }
      }
    }
    t.strictSame(store.keys().sort(), [...model.keys()].sort())
  }
)

t.test('BoundedStore refuses bounds that are none', async t => {
  for (const bad of [0, -1, 1.5, Number.NaN, Infinity, '10']) {
    for (const name of ['maxEntries', 'maxBytes', 'maxEntryBytes']) {
      t.throws(
        () => create({ [name]: bad as number }),
        new TypeError(`${name} must be an integer of at least 1, got ${bad}`)
      )
    }
  }
})

t.test('BoundedStore refuses a seed that is no integer', async t => {
  t.throws(() => create({ seed: 0.5 }), new TypeError('seed must be an integer, got 0.5'))
  create({ seed: -1 })
})

t.test('BoundedStore never waits for room that cannot be made', async t => {
  t.throws(
    () => create({ maxBytes: 100, maxEntryBytes: 200 }),
    /maxEntryBytes must be at most maxBytes \(100\), got 200/
  )
  const { store } = create({ weigh: () => undefined as unknown as number })
  t.notOk(store.set('a', 1, Infinity), 'an entry that nobody weighed is refused')
  t.equal(store.stats().bytes, 0)
})

t.test('without an injected clock time passes by itself, in a loop of microtasks too', async t => {
  const store = new BoundedStore<number>({ maxEntries: 10, maxBytes: 10, maxEntryBytes: 10, weigh: () => 1 })
  store.set('a', 1, 30)
  t.equal(store.get('a'), 1)
  await new Promise(resolve => setTimeout(resolve, 40))
  t.equal(store.get('a'), undefined)
  store.set('b', 1, 30)
  const giveUpAtMs = performance.now() + 2_000
  while (store.get('b') !== undefined && performance.now() < giveUpAtMs) await undefined
  t.ok(performance.now() < giveUpAtMs)
})

function create(options: Partial<BoundedStoreOptions<number>> = {}) {
  const clock = { nowMs: 0 }
  const removed: [key: string, value: number, reason: RemovalReason][] = []
  const store = new BoundedStore<number>({
    maxEntries: 100,
    maxBytes: 10_000,
    weigh: value => value,
    clock: () => clock.nowMs,
    onRemove: (...removal) => removed.push(removal),
    ...options
  })
  return { store, clock, removed }
}

function weight(model: ReadonlyMap<string, number>): number {
  return [...model.values()].reduce((sum, value) => sum + value, 0)
}
