import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import { unwrap } from '../assertions.ts'
import {
  assertAbsent,
  assertEntry,
  assertRemains,
  BRING_ABOUT,
  entryOf,
  type FencedSuite,
  filled,
  LONG,
  PAST_SHORT,
  SHORT,
  STATES,
  seen
} from './suite.ts'

export function fillTests(suite: FencedSuite): void {
  suite.test('fill() turns the lease into an entry, which lives as long as it says', async ({ store, key }) => {
    const token = randomId()
    unwrap(await store.acquire(key('a'), token, LONG))
    const entry = entryOf('a', 2 * LONG)
    assert.deepEqual(await store.fill(key('a'), token, entry), ok(true))
    await assertEntry(store, key('a'), entry)
    assertRemains(unwrap(await store.identify(key('a'))), 2 * LONG)
  })

  suite.test('fill() is accepted once', async ({ store, key }) => {
    const token = randomId()
    unwrap(await store.acquire(key('a'), token, LONG))
    const entry = entryOf('first')
    assert.deepEqual(await store.fill(key('a'), token, entry), ok(true))
    assert.deepEqual(await store.fill(key('a'), token, entryOf('second')), ok(false))
    await assertEntry(store, key('a'), entry)
  })

  suite.test('fill() stores nothing without its lease', async ({ store, key }) => {
    for (const state of STATES) {
      await BRING_ABOUT[state](store, key(state))
      const before = await seen(store, key(state))
      assert.deepEqual(await store.fill(key(state), randomId(), entryOf('late')), ok(false))
      assert.deepEqual(await seen(store, key(state)), before)
    }
  })

  suite.test('fill() does not take an id for a lease', async ({ store, key }) => {
    const entry = await filled(store, key('entry'), entryOf('a'))
    assert.deepEqual(await store.fill(key('entry'), entry.id, entryOf('b')), ok(false))
    await assertEntry(store, key('entry'), entry)
    const token = randomId()
    unwrap(await store.beginWrite(key('closed'), token, LONG))
    const before = await seen(store, key('closed'))
    for (const id of [token, 'id' in before ? String(before.id) : '']) {
      assert.deepEqual(await store.fill(key('closed'), id, entryOf('b')), ok(false))
    }
    assert.deepEqual(await seen(store, key('closed')), before)
  })

  const ends: Readonly<
    Record<string, (subject: Parameters<Parameters<FencedSuite['test']>[1]>[0]) => Promise<unknown>>
  > = {
    'the lease is over': ({ advance }) => advance(PAST_SHORT),
    'an invalidation': async ({ store, key }) => unwrap(await store.invalidate([key('a')])),
    'a write that has begun': async ({ store, key }) => unwrap(await store.beginWrite(key('a'), randomId(), LONG)),
    'a whole write': async ({ store, key }) => {
      const token = randomId()
      unwrap(await store.beginWrite(key('a'), token, LONG))
      unwrap(await store.endWrite(key('a'), token))
    },
    'the end of a write that nobody knows': async ({ store, key }) => unwrap(await store.endWrite(key('a'), randomId()))
  }
  for (const [what, end] of Object.entries(ends)) {
    suite.test(`fill() stores nothing after ${what}`, async subject => {
      const { store, key } = subject
      const token = randomId()
      unwrap(await store.acquire(key('a'), token, SHORT))
      await end(subject)
      const before = await seen(store, key('a'))
      assert.deepEqual(await store.fill(key('a'), token, entryOf('late')), ok(false))
      assert.deepEqual(await seen(store, key('a')), before)
      // Nor when somebody else has taken a lease meanwhile.
      unwrap(await store.invalidate([key('a')]))
      unwrap(await store.acquire(key('a'), randomId(), LONG))
      assert.deepEqual(await store.fill(key('a'), token, entryOf('late')), ok(false))
    })
  }

  suite.test('refresh() replaces the entry that it is told to, with its lifetime', async ({ store, key, advance }) => {
    const { id } = await filled(store, key('a'), entryOf('old', SHORT))
    const entry = entryOf('new', LONG)
    assert.deepEqual(await store.refresh(key('a'), id, entry), ok(true))
    await advance(PAST_SHORT)
    await assertEntry(store, key('a'), entry)
    assert.deepEqual(await store.refresh(key('a'), id, entryOf('late')), ok(false), 'the old one is gone')
    await assertEntry(store, key('a'), entry)
  })

  suite.test('refresh() may shorten a lifetime, and end one that had no end', async ({ store, key, advance }) => {
    const { id } = await filled(store, key('a'), entryOf('old', Infinity))
    assert.deepEqual(await store.refresh(key('a'), id, entryOf('new', SHORT)), ok(true))
    await advance(PAST_SHORT)
    await assertAbsent(store, key('a'))
  })

  suite.test('refresh() stores nothing when it meets anything else', async ({ store, key }) => {
    for (const state of STATES) {
      await BRING_ABOUT[state](store, key(state))
      const before = await seen(store, key(state))
      assert.deepEqual(await store.refresh(key(state), randomId(), entryOf('late')), ok(false))
      if (state !== 'entry' && 'id' in before) {
        assert.deepEqual(await store.refresh(key(state), String(before.id), entryOf('late')), ok(false))
      }
      assert.deepEqual(await seen(store, key(state)), before)
    }
  })

  suite.test('refresh() by 50 callers replaces an entry once', async ({ store, key, another }) => {
    const other = await another()
    const { id } = await filled(store, key('a'), entryOf('old'))
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 ? store : other).refresh(key('a'), id, entryOf(`${index}`)))
    )
    assert.equal(results.filter(result => unwrap(result)).length, 1)
  })
}
