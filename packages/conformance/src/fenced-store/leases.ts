import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import { unwrap } from '../assertions.ts'
import {
  assertAbsent,
  assertClosed,
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

export function leaseTests(suite: FencedSuite): void {
  acquireTests(suite)
  renewTests(suite)
  releaseTests(suite)
}

function acquireTests(suite: FencedSuite): void {
  suite.test('acquire() takes the lease of an absent slot', async ({ store, key }) => {
    const token = randomId()
    const slot = unwrap(await store.acquire(key('a'), token, LONG))
    assert.deepEqual({ ...slot, remainingMs: 0 }, { kind: 'lease', id: token, remainingMs: 0 })
    assertRemains(slot, LONG)
    assert.deepEqual(await seen(store, key('a')), { kind: 'lease', id: token })
  })

  suite.test('acquire() answers what keeps it from a lease, and leaves it', async ({ store, key }) => {
    for (const state of ['entry', 'lease', 'closed'] as const) {
      await BRING_ABOUT[state](store, key(state))
      const before = await seen(store, key(state))
      const slot = unwrap(await store.acquire(key(state), randomId(), SHORT, randomId()))
      assert.equal(slot.kind, state)
      assert.equal('id' in slot && slot.id, 'id' in before && before.id)
      assertRemains(slot, LONG)
      assert.deepEqual(await seen(store, key(state)), before)
    }
    const entry = unwrap(await store.acquire(key('entry'), randomId(), LONG))
    assert.equal(entry.kind === 'entry' && new TextDecoder().decode(entry.bytes), 'before', 'with the bytes')
  })

  suite.test('acquire() takes the place of the entry that it is told to', async ({ store, key }) => {
    const { id } = await filled(store, key('a'), entryOf('bad'))
    const token = randomId()
    assert.equal(unwrap(await store.acquire(key('a'), token, LONG, id)).kind, 'lease')
    assert.deepEqual(await seen(store, key('a')), { kind: 'lease', id: token })
  })

  suite.test('acquire() takes the lease of an absent slot, whatever entry it is told of', async ({ store, key }) => {
    assert.equal(unwrap(await store.acquire(key('a'), randomId(), LONG, randomId())).kind, 'lease')
  })

  suite.test('acquire() never takes the place of a lease or a closed slot, even by its id', async ({ store, key }) => {
    for (const state of ['lease', 'closed'] as const) {
      await BRING_ABOUT[state](store, key(state))
      const before = await seen(store, key(state))
      const id = 'id' in before ? String(before.id) : ''
      assert.equal(unwrap(await store.acquire(key(state), randomId(), LONG, id)).kind, state)
      assert.deepEqual(await seen(store, key(state)), before)
    }
  })

  suite.test('acquire() takes the place of a lease that is over', async ({ store, key, advance }) => {
    const [first, second] = [randomId(), randomId()]
    unwrap(await store.acquire(key('a'), first, SHORT))
    await advance(PAST_SHORT)
    assert.deepEqual(await seen(store, key('a')), { kind: 'absent' })
    const slot = unwrap(await store.acquire(key('a'), second, LONG))
    assert.equal(slot.kind === 'lease' && slot.id, second)
    assert.deepEqual(await store.fill(key('a'), first, entryOf('late')), ok(false))
    assert.deepEqual(await seen(store, key('a')), { kind: 'lease', id: second })
  })

  suite.test('acquire() by 100 readers of two stores gives one lease', async ({ store, key, another }) => {
    const other = await another()
    const tokens = Array.from({ length: 100 }, () => randomId())
    const slots = await Promise.all(
      tokens.map((token, index) => (index % 2 ? store : other).acquire(key('a'), token, LONG))
    )
    const ids = new Set(slots.map(result => unwrap(result)).map(slot => slot.kind === 'lease' && slot.id))
    assert.equal(ids.size, 1, 'all were answered the same lease')
    const [id] = ids
    assert.ok(tokens.some(token => token === id))
  })

  suite.test('acquire() by 100 readers of the same bad entry gives one lease', async ({ store, key }) => {
    const { id } = await filled(store, key('a'), entryOf('bad'))
    const slots = await Promise.all(Array.from({ length: 100 }, () => store.acquire(key('a'), randomId(), LONG, id)))
    assert.equal(new Set(slots.map(result => unwrap(result)).map(slot => slot.kind === 'lease' && slot.id)).size, 1)
  })
}

function renewTests(suite: FencedSuite): void {
  suite.test('renew() gives a lease a new duration, from now on', async ({ store, key, advance }) => {
    const token = randomId()
    unwrap(await store.acquire(key('longer'), token, SHORT))
    unwrap(await store.acquire(key('shorter'), token, LONG))
    assert.deepEqual(await store.renew(key('longer'), token, LONG), ok(true))
    assert.deepEqual(await store.renew(key('shorter'), token, SHORT), ok(true))
    await advance(PAST_SHORT)
    assert.deepEqual(await seen(store, key('longer')), { kind: 'lease', id: token })
    await assertAbsent(store, key('shorter'))
  })

  suite.test('renew() does nothing without its lease', async ({ store, key, advance }) => {
    for (const state of STATES) {
      await BRING_ABOUT[state](store, key(state))
      const before = await seen(store, key(state))
      assert.deepEqual(await store.renew(key(state), randomId(), SHORT), ok(false))
      assert.deepEqual(await seen(store, key(state)), before)
    }
    await advance(PAST_SHORT)
    for (const state of STATES) assert.equal(unwrap(await store.identify(key(state))).kind, state)
  })

  suite.test('renew() does not take an id for a lease', async ({ store, key, advance }) => {
    const { id } = await filled(store, key('entry'), entryOf('a'))
    unwrap(await store.beginWrite(key('closed'), randomId(), LONG))
    assert.deepEqual(await store.renew(key('entry'), id, SHORT), ok(false))
    assert.deepEqual(await store.renew(key('closed'), await assertClosed(store, key('closed')), SHORT), ok(false))
    await advance(PAST_SHORT)
    assert.equal(unwrap(await store.identify(key('entry'))).kind, 'entry')
    assert.equal(unwrap(await store.identify(key('closed'))).kind, 'closed')
  })

  suite.test('renew() does not bring back a lease that is over', async ({ store, key, advance }) => {
    const token = randomId()
    unwrap(await store.acquire(key('a'), token, SHORT))
    await advance(PAST_SHORT)
    assert.deepEqual(await store.renew(key('a'), token, LONG), ok(false))
    await assertAbsent(store, key('a'))
  })
}

function releaseTests(suite: FencedSuite): void {
  suite.test('release() gives a lease back', async ({ store, key }) => {
    const token = randomId()
    unwrap(await store.acquire(key('a'), token, LONG))
    assert.deepEqual(await store.release(key('a'), token), ok(true))
    await assertAbsent(store, key('a'))
    assert.deepEqual(await store.release(key('a'), token), ok(false))
    assert.equal(unwrap(await store.acquire(key('a'), randomId(), LONG)).kind, 'lease', 'at once')
  })

  suite.test('release() does nothing without its lease', async ({ store, key }) => {
    for (const state of STATES) {
      await BRING_ABOUT[state](store, key(state))
      const before = await seen(store, key(state))
      assert.deepEqual(await store.release(key(state), randomId()), ok(false))
      assert.deepEqual(await seen(store, key(state)), before)
    }
  })

  suite.test('release() does not take an id for a lease', async ({ store, key }) => {
    const entry = await filled(store, key('entry'), entryOf('a'))
    assert.deepEqual(await store.release(key('entry'), entry.id), ok(false))
    await assertEntry(store, key('entry'), entry)
    unwrap(await store.beginWrite(key('closed'), randomId(), LONG))
    const id = await assertClosed(store, key('closed'))
    assert.deepEqual(await store.release(key('closed'), id), ok(false))
    assert.equal(await assertClosed(store, key('closed')), id)
  })

  suite.test('release() gives back no lease that was taken away', async ({ store, key }) => {
    const [first, second] = [randomId(), randomId()]
    unwrap(await store.acquire(key('a'), first, LONG))
    unwrap(await store.invalidate([key('a')]))
    unwrap(await store.acquire(key('a'), second, LONG))
    assert.deepEqual(await store.release(key('a'), first), ok(false))
    assert.deepEqual(await seen(store, key('a')), { kind: 'lease', id: second })
  })
}
