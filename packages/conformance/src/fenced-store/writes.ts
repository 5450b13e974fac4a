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
  LONG,
  PAST_SHORT,
  SHORT,
  STATES,
  seen
} from './suite.ts'

export function writeTests(suite: FencedSuite): void {
  beginTests(suite)
  renewTests(suite)
  endTests(suite)
  holdTests(suite)
  meetingTests(suite)
}

function beginTests(suite: FencedSuite): void {
  suite.test('beginWrite() closes a slot, whatever it holds', async ({ store, key }) => {
    for (const state of STATES) {
      await BRING_ABOUT[state](store, key(state))
      const before = await seen(store, key(state))
      assert.deepEqual(await store.beginWrite(key(state), randomId(), LONG), ok(undefined))
      assertRemains(unwrap(await store.identify(key(state))), LONG)
      assert.notEqual(await assertClosed(store, key(state)), 'id' in before && before.id, 'under an id of its own')
      assert.equal(unwrap(await store.acquire(key(state), randomId(), LONG)).kind, 'closed')
    }
  })

  suite.test('beginWrite() never shows its token as the id', async ({ store, key }) => {
    const token = randomId()
    unwrap(await store.beginWrite(key('a'), token, LONG))
    assert.notEqual(await assertClosed(store, key('a')), token)
  })

  suite.test('beginWrite() closes the slot until its duration is over', async ({ store, key, advance }) => {
    unwrap(await store.beginWrite(key('a'), randomId(), SHORT))
    await advance(PAST_SHORT)
    await assertAbsent(store, key('a'))
    assert.equal(unwrap(await store.acquire(key('a'), randomId(), LONG)).kind, 'lease')
  })

  suite.test('beginWrite() makes the slot last as long as the last of its writers', async ({ store, key, advance }) => {
    for (const [name, durations] of Object.entries({ longer: [SHORT, LONG], shorter: [LONG, SHORT] })) {
      for (const duration of durations) unwrap(await store.beginWrite(key(name), randomId(), duration))
    }
    await advance(PAST_SHORT)
    await assertClosed(store, key('longer'))
    await assertClosed(store, key('shorter'))
  })

  suite.test('beginWrite() twice with one token is one writer, who may not store', async ({ store, key }) => {
    const token = randomId()
    unwrap(await store.beginWrite(key('a'), token, LONG))
    unwrap(await store.beginWrite(key('a'), token, LONG))
    assert.deepEqual(await store.endWrite(key('a'), token, { entry: entryOf('a') }), ok(false))
    await assertAbsent(store, key('a'))
  })
}

function renewTests(suite: FencedSuite): void {
  suite.test('renewWrite() gives a write a new duration, and leaves the id', async ({ store, key, advance }) => {
    const token = randomId()
    unwrap(await store.beginWrite(key('longer'), token, SHORT))
    unwrap(await store.beginWrite(key('shorter'), token, LONG))
    const before = await assertClosed(store, key('longer'))
    assert.deepEqual(await store.renewWrite(key('longer'), token, LONG), ok(true))
    assert.deepEqual(await store.renewWrite(key('shorter'), token, SHORT), ok(true))
    await advance(PAST_SHORT)
    assert.equal(await assertClosed(store, key('longer')), before)
    await assertAbsent(store, key('shorter'))
  })

  suite.test('renewWrite() leaves it to the writer to store', async ({ store, key }) => {
    const [token, entry] = [randomId(), entryOf('a')]
    unwrap(await store.beginWrite(key('a'), token, LONG))
    unwrap(await store.renewWrite(key('a'), token, LONG))
    assert.deepEqual(await store.endWrite(key('a'), token, { entry }), ok(true))
    await assertEntry(store, key('a'), entry)
  })

  suite.test('renewWrite() does nothing without its write', async ({ store, key }) => {
    for (const state of STATES) {
      await BRING_ABOUT[state](store, key(state))
      const before = await seen(store, key(state))
      assert.deepEqual(await store.renewWrite(key(state), randomId(), LONG), ok(false))
      if ('id' in before) assert.deepEqual(await store.renewWrite(key(state), String(before.id), LONG), ok(false))
      assert.deepEqual(await seen(store, key(state)), before)
    }
  })

  suite.test('renewWrite() does not bring back a write that is over', async ({ store, key, advance }) => {
    const [over, going] = [randomId(), randomId()]
    unwrap(await store.beginWrite(key('alone'), over, SHORT))
    unwrap(await store.beginWrite(key('met'), over, SHORT))
    unwrap(await store.beginWrite(key('met'), going, LONG))
    await advance(PAST_SHORT)
    assert.deepEqual(await store.renewWrite(key('alone'), over, LONG), ok(false))
    await assertAbsent(store, key('alone'))
    assert.deepEqual(await store.renewWrite(key('met'), over, LONG), ok(false))
    assert.deepEqual(await store.endWrite(key('met'), going), ok(false))
    await assertAbsent(store, key('met'))
  })

  suite.test('renewWrite() does not make others last longer', async ({ store, key, advance }) => {
    const token = randomId()
    unwrap(await store.beginWrite(key('a'), randomId(), SHORT))
    unwrap(await store.beginWrite(key('a'), token, SHORT))
    unwrap(await store.renewWrite(key('a'), token, LONG))
    await advance(PAST_SHORT)
    unwrap(await store.endWrite(key('a'), token))
    await assertAbsent(store, key('a'))
  })
}

function endTests(suite: FencedSuite): void {
  suite.test('endWrite() of a writer who was alone stores the entry', async ({ store, key }) => {
    for (const state of ['absent', 'entry', 'lease'] as const) {
      await BRING_ABOUT[state](store, key(state))
      const [token, entry] = [randomId(), entryOf('new', 2 * LONG)]
      unwrap(await store.beginWrite(key(state), token, LONG))
      assert.deepEqual(await store.endWrite(key(state), token, { entry }), ok(true))
      await assertEntry(store, key(state), entry)
      assertRemains(unwrap(await store.identify(key(state))), 2 * LONG)
    }
  })

  suite.test('endWrite() without an entry leaves the slot absent', async ({ store, key }) => {
    const token = randomId()
    unwrap(await store.beginWrite(key('a'), token, LONG))
    assert.deepEqual(await store.endWrite(key('a'), token), ok(false))
    await assertAbsent(store, key('a'))
  })

  suite.test('endWrite() of a write that the slot does not know empties it', async ({ store, key }) => {
    for (const state of ['absent', 'entry', 'lease'] as const) {
      await BRING_ABOUT[state](store, key(state))
      assert.deepEqual(await store.endWrite(key(state), randomId(), { entry: entryOf('late') }), ok(false))
      await assertAbsent(store, key(state))
    }
  })

  suite.test('endWrite() of a write that the slot does not know keeps others from storing', async ({ store, key }) => {
    const token = randomId()
    unwrap(await store.beginWrite(key('a'), token, LONG))
    const before = await assertClosed(store, key('a'))
    assert.deepEqual(await store.endWrite(key('a'), randomId(), { entry: entryOf('late') }), ok(false))
    assert.notEqual(await assertClosed(store, key('a')), before)
    assert.deepEqual(await store.endWrite(key('a'), token, { entry: entryOf('a') }), ok(false))
    await assertAbsent(store, key('a'))
  })

  suite.test('endWrite() does not take the id of a closed slot for a writer', async ({ store, key }) => {
    unwrap(await store.beginWrite(key('a'), randomId(), LONG))
    const id = await assertClosed(store, key('a'))
    assert.deepEqual(await store.endWrite(key('a'), id, { entry: entryOf('a') }), ok(false))
    await assertClosed(store, key('a'))
  })

  suite.test('endWrite() after its deadline empties whatever has come since', async ({ store, key, advance }) => {
    const late = randomId()
    const since = ['nothing', 'entry', 'lease', 'closed']
    for (const name of since) unwrap(await store.beginWrite(key(name), late, SHORT))
    await advance(PAST_SHORT)
    for (const state of ['entry', 'lease', 'closed'] as const) await BRING_ABOUT[state](store, key(state))
    for (const name of since) {
      assert.deepEqual(await store.endWrite(key(name), late, { entry: entryOf('late') }), ok(false))
    }
    for (const name of ['nothing', 'entry', 'lease']) await assertAbsent(store, key(name))
    await assertClosed(store, key('closed'))
  })

  suite.test('endWrite() ends a write once', async ({ store, key }) => {
    const [token, entry] = [randomId(), entryOf('a')]
    unwrap(await store.beginWrite(key('a'), token, LONG))
    unwrap(await store.endWrite(key('a'), token, { entry }))
    assert.deepEqual(await store.endWrite(key('a'), token, { entry }), ok(false), 'nobody knows that write any more')
    await assertAbsent(store, key('a'))
  })
}

function holdTests(suite: FencedSuite): void {
  suite.test('endWrite() with a hold leaves the slot closed for so long', async ({ store, key, advance }) => {
    for (const state of STATES) {
      await BRING_ABOUT[state](store, key(state))
      const before = await seen(store, key(state))
      assert.deepEqual(await store.endWrite(key(state), randomId(), { holdMs: LONG }), ok(false))
      assert.notEqual(await assertClosed(store, key(state)), 'id' in before && before.id)
    }
    const [last, brief] = [randomId(), randomId()]
    unwrap(await store.beginWrite(key('last'), last, SHORT))
    unwrap(await store.beginWrite(key('brief'), brief, LONG))
    unwrap(await store.endWrite(key('last'), last, { holdMs: LONG }))
    unwrap(await store.endWrite(key('brief'), brief, { holdMs: SHORT }))
    await advance(PAST_SHORT)
    await assertClosed(store, key('last'))
    await assertAbsent(store, key('brief'))
  })

  suite.test('endWrite() with a hold keeps the others from storing, and outlives them', async ({ store, key }) => {
    const [first, second] = [randomId(), randomId()]
    unwrap(await store.beginWrite(key('a'), first, LONG))
    unwrap(await store.beginWrite(key('a'), second, LONG))
    unwrap(await store.endWrite(key('a'), first, { holdMs: LONG }))
    assert.deepEqual(await store.endWrite(key('a'), second, { entry: entryOf('a') }), ok(false))
    await assertClosed(store, key('a'))
  })
}

function meetingTests(suite: FencedSuite): void {
  suite.test('endWrite() of writers who have met stores for neither, in whatever order', async ({ store, key }) => {
    for (const isReversed of [false, true]) {
      const [name, tokens] = [key(`${isReversed}`), [randomId(), randomId(), randomId()]]
      const ids = new Set<string>()
      for (const token of tokens) {
        unwrap(await store.beginWrite(name, token, LONG))
        ids.add(await assertClosed(store, name))
      }
      const [last, ...others] = isReversed ? tokens.toReversed() : tokens
      for (const token of others) {
        assert.deepEqual(await store.endWrite(name, token, { entry: entryOf(token) }), ok(false))
        ids.add(await assertClosed(store, name))
      }
      assert.equal(ids.size, 5, 'each of them changes the id')
      assert.deepEqual(await store.endWrite(name, last ?? '', { entry: entryOf('last') }), ok(false))
      await assertAbsent(store, name)
    }
  })

  suite.test('endWrite() stores for who has begun when nobody was left', async ({ store, key, advance }) => {
    const [dead, ended, token, entry] = [randomId(), randomId(), randomId(), entryOf('a')]
    unwrap(await store.beginWrite(key('a'), dead, SHORT))
    unwrap(await store.beginWrite(key('a'), ended, LONG))
    unwrap(await store.endWrite(key('a'), ended))
    await advance(PAST_SHORT)
    unwrap(await store.beginWrite(key('a'), token, LONG))
    assert.deepEqual(await store.endWrite(key('a'), token, { entry }), ok(true))
    await assertEntry(store, key('a'), entry)
  })

  suite.test('endWrite() does not store for who has met a writer that is dead by then', async subject => {
    const { store, key, advance } = subject
    const [dead, token] = [randomId(), randomId()]
    unwrap(await store.beginWrite(key('a'), dead, SHORT))
    unwrap(await store.beginWrite(key('a'), token, LONG))
    await advance(PAST_SHORT)
    assert.deepEqual(await store.endWrite(key('a'), token, { entry: entryOf('a') }), ok(false))
    await assertAbsent(store, key('a'))
  })

  suite.test('endWrite() by 50 writers of two stores leaves the slot absent', async ({ store, key, another }) => {
    const other = await another()
    const tokens = Array.from({ length: 50 }, () => randomId())
    const of = (index: number) => (index % 2 ? store : other)
    await Promise.all(tokens.map((token, index) => of(index).beginWrite(key('a'), token, LONG)))
    const ends = await Promise.all(
      tokens.map((token, index) => of(index).endWrite(key('a'), token, { entry: entryOf(token) }))
    )
    for (const end of ends) assert.deepEqual(end, ok(false))
    await assertAbsent(store, key('a'))
  })
}
