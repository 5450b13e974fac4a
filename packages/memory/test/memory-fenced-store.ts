import { MemoryFencedStore, type MemoryFencedStoreOptions } from '@dashtam/cache-memory'
import type { FeedListener, FencedStore, Result } from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import t from 'tap'

const LONG = 60_000

const entryOf = (bytes: Uint8Array) => ({ id: randomId(), bytes, ttlMs: LONG })

async function filled(store: FencedStore, key: string, bytes: Uint8Array): Promise<Result<boolean>> {
  const token = randomId()
  await store.acquire(key, token, LONG)
  return store.fill(key, token, entryOf(bytes))
}

t.test('MemoryFencedStore refuses options that are none, by name', async t => {
  const wrong: [options: object, message: string | RegExp][] = [
    [{ maxBytes: 1 }, 'maxBytes must be an integer of at least 65536 (64 KiB), got 1'],
    [{ maxBytes: 100_000, maxValueBytes: 50_001 }, /maxValueBytes must be at most half of maxBytes/],
    [{ maxValueBytes: 0 }, /maxValueBytes must be an integer of at least 1/],
    [{ maxEntries: 0 }, /maxEntries must be an integer of at least 1/],
    [{ clock: 7 }, 'clock must be a function, got number'],
    [{ createId: 'x' }, 'createId must be a function, got string'],
    [{ ttlSeconds: 7 }, "unknown option 'ttlSeconds'"],
    [{ keyspace: 'a:b' }, /keyspace must be 1 to 64 characters/]
  ]
  for (const [options, message] of wrong) {
    t.throws(() => new MemoryFencedStore({ keyspace: 'k', ...options } as MemoryFencedStoreOptions), {
      name: 'TypeError',
      message
    })
  }
})

t.test('MemoryFencedStore stays within its bounds', async t => {
  const store = new MemoryFencedStore({ keyspace: 'k', maxEntries: 100, maxBytes: 100_000 })
  for (let index = 0; index < 1_000; index++) {
    await filled(store, `k:${index}`, new Uint8Array(10_000))
    await store.readGenerations([`tag:${index}`])
    await store.claim(`k:${index}`, randomId(), LONG)
    const { slots, generations } = store.stats()
    t.ok(slots.entries <= 100 && slots.bytes <= 100_000)
    t.ok(generations.entries <= 100)
  }
})

t.test('MemoryFencedStore accepts the longest key with the largest entry', async t => {
  const store = new MemoryFencedStore({ keyspace: 'k', maxBytes: 64 * 1024, maxValueBytes: 32 * 1024 })
  const key = `k:${'日'.repeat(8_190)}`
  t.strictSame(await filled(store, key, new Uint8Array(32 * 1024)), ok(true))
  t.match(await store.identify(key), ok({ kind: 'entry' }))
})

t.test('fill() and refresh() fail for an entry that is too large, and nothing has happened', async t => {
  const store = new MemoryFencedStore({ keyspace: 'k', maxValueBytes: 10 })
  const [token, entry] = [randomId(), entryOf(new Uint8Array(10))]
  const tooLarge = {
    ok: false,
    error: {
      code: 'CACHE_VALUE_TOO_LARGE',
      message: 'the entry has 11 bytes, more than the 10 accepted (maxValueBytes)',
      details: { operation: 'fill', sizeBytes: 11, maxValueBytes: 10 }
    }
  }
  await store.acquire('k:a', token, LONG)
  t.strictSame(await store.fill('k:a', token, entryOf(new Uint8Array(11))), tooLarge)
  t.strictSame(await store.fill('k:a', token, entry), ok(true), 'the lease is still there')
  t.strictSame(await store.refresh('k:a', entry.id, entryOf(new Uint8Array(11))), tooLarge)
  t.match(await store.identify('k:a'), ok({ kind: 'entry', id: entry.id }))
})

t.test('endWrite() ends the write although the entry is too large', async t => {
  const store = new MemoryFencedStore({ keyspace: 'k', maxValueBytes: 10 })
  const token = randomId()
  await store.beginWrite('k:a', token, LONG)
  t.strictSame(await store.endWrite('k:a', token, { entry: entryOf(new Uint8Array(11)) }), ok(false))
  t.strictSame(await store.identify('k:a'), ok({ kind: 'absent' }))
})

t.test('createId() is called once for each key or name that may need an id, and for nothing else', async t => {
  let calls = 0
  const store = new MemoryFencedStore({
    keyspace: 'k',
    createId: () => {
      calls++
      return randomId()
    }
  })
  const token = randomId()
  const costs: [expected: number, call: () => Promise<Result<unknown>>][] = [
    [3, () => store.invalidate(['k:a', 'k:b', 'k:a'])],
    [1, () => store.beginWrite('k:a', token, LONG)],
    [0, () => store.renewWrite('k:a', token, LONG)],
    [1, () => store.endWrite('k:a', token, { entry: entryOf(new Uint8Array()) })],
    [2, () => store.readGenerations(['a', 'b'])],
    [2, () => store.readGenerations(['a', 'b'])],
    [2, () => store.bumpGenerations(['a', 'b'])],
    [2, () => store.beginGenerationWrite(['a', 'b'], token, LONG)],
    [0, () => store.renewGenerationWrite(['a', 'b'], token, LONG)],
    [2, () => store.endGenerationWrite(['a', 'b'], token)],
    [1, () => store.bumpOnce('a', 'occasion')],
    [1, () => store.bumpOnce('a', 'occasion')],
    [0, () => store.acquire('k:b', token, LONG)],
    [0, () => store.fill('k:b', token, entryOf(new Uint8Array()))],
    [0, () => store.claim('k:b', token, LONG)],
    [0, () => store.read('k:b')]
  ]
  for (const [expected, call] of costs) {
    const before = calls
    t.ok((await call()).ok)
    t.equal(calls - before, expected)
  }
})

t.test('openFeed() tells before the operation resolves, and its listener sees the new state', async t => {
  const store = new MemoryFencedStore({ keyspace: 'k' })
  const told: unknown[] = []
  const listener: FeedListener = {
    slotChanged: key => told.push(key, store.stats().slots.entries),
    generationChanged: name => told.push(name, store.stats().generations.entries),
    everythingChanged: () => told.push('everything')
  }
  const feed = store.openFeed()
  feed.start(listener)
  t.equal(feed.trustedUntilMs, Infinity)
  void store.beginWrite('k:a', randomId(), LONG)
  void store.bumpGenerations(['tag'])
  t.strictSame(told, ['everything', 'k:a', 1, 'tag', 1], 'within the call')
  t.match(feed.stats(), { mode: 'local', isTrusted: true, messages: 2, gaps: 0 })
})

t.test('close() makes every operation fail as closed, and may come twice', async t => {
  const store = new MemoryFencedStore({ keyspace: 'k' })
  const token = randomId()
  await filled(store, 'k:a', new Uint8Array())
  t.equal(store.isReachable, true)
  t.strictSame(await store.close(), ok(undefined))
  t.strictSame(await store.close(), ok(undefined))
  t.equal(store.isReachable, false)
  const answers = await Promise.all([
    store.read('k:a'),
    store.readMany(['k:a']),
    store.identify('k:a'),
    store.acquire('k:a', token, LONG),
    store.renew('k:a', token, LONG),
    store.release('k:a', token),
    store.fill('k:a', token, entryOf(new Uint8Array())),
    store.refresh('k:a', token, entryOf(new Uint8Array())),
    store.claim('k:a', token, LONG),
    store.unclaim('k:a', token),
    store.invalidate(['k:a']),
    store.invalidate([]),
    store.beginWrite('k:a', token, LONG),
    store.renewWrite('k:a', token, LONG),
    store.endWrite('k:a', token),
    store.readGenerations(['a']),
    store.bumpGenerations(['a']),
    store.beginGenerationWrite(['a'], token, LONG),
    store.renewGenerationWrite(['a'], token, LONG),
    store.endGenerationWrite(['a'], token),
    store.bumpOnce('a', 'b')
  ])
  for (const answer of answers) t.match(answer, { ok: false, error: { reason: 'closed' } })
  t.equal(store.stats().slots.entries, 0)
})

t.test('the clock is the real one when none is said', async t => {
  const store = new MemoryFencedStore({ keyspace: 'k' })
  await store.acquire('k:a', randomId(), 30)
  t.match(await store.identify('k:a'), ok({ kind: 'lease' }))
  await new Promise(resolve => setTimeout(resolve, 50))
  t.strictSame(await store.identify('k:a'), ok({ kind: 'absent' }))
})
