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
  STATES
} from './suite.ts'

export function invalidationTests(suite: FencedSuite): void {
  suite.test('invalidate() empties a slot that is not closed', async ({ store, key }) => {
    for (const state of ['absent', 'entry', 'lease'] as const) {
      await BRING_ABOUT[state](store, key(state))
      assert.deepEqual(await store.invalidate([key(state)]), ok(undefined))
      await assertAbsent(store, key(state))
      assert.equal(unwrap(await store.acquire(key(state), randomId(), LONG)).kind, 'lease')
    }
  })

  suite.test('invalidate() leaves a closed slot closed, under another id, and nobody may store', async subject => {
    const { store, key } = subject
    const token = randomId()
    unwrap(await store.beginWrite(key('a'), token, LONG))
    const before = await assertClosed(store, key('a'))
    unwrap(await store.invalidate([key('a')]))
    assert.notEqual(await assertClosed(store, key('a')), before)
    assert.deepEqual(await store.endWrite(key('a'), token, { entry: entryOf('a') }), ok(false))
    await assertAbsent(store, key('a'))
  })

  suite.test('invalidate() does not make a closed slot last longer', async ({ store, key, advance }) => {
    unwrap(await store.beginWrite(key('a'), randomId(), SHORT))
    unwrap(await store.invalidate([key('a')]))
    await advance(PAST_SHORT)
    await assertAbsent(store, key('a'))
  })

  suite.test('invalidate() empties many slots, and no others', async ({ store, key }) => {
    const keys = Array.from({ length: 1_500 }, (_, index) => key(`${index}`))
    await Promise.all(keys.map((each, index) => filled(store, each, entryOf(`${index}`))))
    const other = await filled(store, key('other'), entryOf('other'))
    assert.deepEqual(await store.invalidate([...keys, ...keys.slice(0, 3)]), ok(undefined))
    for (const slot of unwrap(await store.readMany(keys))) assert.deepEqual(slot, { kind: 'absent' })
    await assertEntry(store, key('other'), other)
  })

  suite.test('invalidate() of nothing does nothing', async ({ store }) => {
    assert.deepEqual(await store.invalidate([]), ok(undefined))
  })

  suite.test('invalidate() with a hold leaves every slot closed for so long', async ({ store, key, advance }) => {
    for (const state of ['absent', 'entry', 'lease'] as const) {
      await BRING_ABOUT[state](store, key(state))
      unwrap(await store.invalidate([key(state)], { holdMs: LONG }))
      await assertClosed(store, key(state))
      assertRemains(unwrap(await store.identify(key(state))), LONG)
      assert.equal(unwrap(await store.acquire(key(state), randomId(), LONG)).kind, 'closed')
    }
    unwrap(await store.invalidate([key('brief')], { holdMs: SHORT }))
    await advance(PAST_SHORT)
    await assertAbsent(store, key('brief'))
  })

  suite.test('invalidate() with a hold outlives the writers of a closed slot', async ({ store, key }) => {
    const token = randomId()
    unwrap(await store.beginWrite(key('a'), token, LONG))
    const before = await assertClosed(store, key('a'))
    unwrap(await store.invalidate([key('a')], { holdMs: LONG }))
    const held = await assertClosed(store, key('a'))
    assert.notEqual(held, before)
    assert.deepEqual(await store.endWrite(key('a'), token, { entry: entryOf('a') }), ok(false))
    assert.notEqual(await assertClosed(store, key('a')), held)
  })

  suite.test('invalidate() with a hold does not end what lasts longer', async ({ store, key, advance }) => {
    unwrap(await store.beginWrite(key('write'), randomId(), LONG))
    unwrap(await store.invalidate([key('write')], { holdMs: SHORT }))
    unwrap(await store.invalidate([key('hold')], { holdMs: LONG }))
    unwrap(await store.invalidate([key('hold')], { holdMs: SHORT }))
    unwrap(await store.invalidate([key('longer')], { holdMs: SHORT }))
    unwrap(await store.invalidate([key('longer')], { holdMs: LONG }))
    unwrap(await store.invalidate([key('without')], { holdMs: LONG }))
    unwrap(await store.invalidate([key('without')]))
    await advance(PAST_SHORT)
    for (const name of ['write', 'hold', 'longer', 'without']) await assertClosed(store, key(name))
  })

  suite.test('invalidate() with a hold lets no write store its value', async ({ store, key, advance }) => {
    const [during, across] = [randomId(), randomId()]
    unwrap(await store.invalidate([key('during')], { holdMs: LONG }))
    unwrap(await store.beginWrite(key('during'), during, LONG))
    assert.deepEqual(await store.endWrite(key('during'), during, { entry: entryOf('a') }), ok(false))
    await assertClosed(store, key('during'))

    unwrap(await store.beginWrite(key('across'), across, LONG))
    unwrap(await store.invalidate([key('across')], { holdMs: SHORT }))
    await advance(PAST_SHORT)
    assert.deepEqual(await store.endWrite(key('across'), across, { entry: entryOf('a') }), ok(false))
    await assertAbsent(store, key('across'))
  })

  suite.test('invalidate() a hundred times leaves one hold', async ({ store, key, advance }) => {
    for (let round = 0; round < 100; round++) unwrap(await store.invalidate([key('a')], { holdMs: SHORT }))
    await advance(PAST_SHORT)
    await assertAbsent(store, key('a'))
  })

  suite.test('invalidate() of many slots holds each of them', async ({ store, key }) => {
    for (const state of STATES) await BRING_ABOUT[state](store, key(state))
    unwrap(await store.invalidate(STATES.map(key), { holdMs: LONG }))
    const ids = await Promise.all(STATES.map(state => assertClosed(store, key(state))))
    assert.equal(new Set(ids).size, STATES.length, 'each under an id of its own')
  })
}
