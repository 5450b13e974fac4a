import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import { unwrap } from '../assertions.ts'
import { BRING_ABOUT, type FencedSuite, LONG, PAST_SHORT, SHORT, STATES, seen } from './suite.ts'

export function claimTests(suite: FencedSuite): void {
  suite.test('claim() is given to one of 50 callers of two stores', async ({ store, key, another }) => {
    const other = await another()
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 ? store : other).claim(key('a'), randomId(), LONG))
    )
    assert.equal(results.filter(result => unwrap(result)).length, 1)
  })

  suite.test('claim() of who has it keeps it, from now on', async ({ store, key, advance }) => {
    const [mine, theirs] = [randomId(), randomId()]
    assert.deepEqual(await store.claim(key('a'), mine, SHORT), ok(true))
    assert.deepEqual(await store.claim(key('a'), mine, LONG), ok(true))
    await advance(PAST_SHORT)
    assert.deepEqual(await store.claim(key('a'), theirs, LONG), ok(false))
  })

  suite.test('claim() that is refused does not make the other one last longer', async ({ store, key, advance }) => {
    const [mine, theirs] = [randomId(), randomId()]
    assert.deepEqual(await store.claim(key('a'), mine, SHORT), ok(true))
    assert.deepEqual(await store.claim(key('a'), theirs, LONG), ok(false))
    await advance(PAST_SHORT)
    assert.deepEqual(await store.claim(key('a'), theirs, LONG), ok(true))
  })

  suite.test('claim() touches no slot, and no slot touches it', async ({ store, key }) => {
    for (const state of STATES) {
      await BRING_ABOUT[state](store, key(state))
      const before = await seen(store, key(state))
      assert.deepEqual(await store.claim(key(state), randomId(), LONG), ok(true))
      assert.deepEqual(await seen(store, key(state)), before)
      unwrap(await store.invalidate([key(state)]))
      assert.deepEqual(await store.claim(key(state), randomId(), LONG), ok(false))
    }
  })

  suite.test('unclaim() gives it back, for who has it', async ({ store, key }) => {
    const [mine, theirs] = [randomId(), randomId()]
    assert.deepEqual(await store.unclaim(key('a'), mine), ok(false), 'nobody has it')
    unwrap(await store.claim(key('a'), mine, LONG))
    assert.deepEqual(await store.unclaim(key('a'), theirs), ok(false))
    assert.deepEqual(await store.claim(key('a'), theirs, LONG), ok(false))
    assert.deepEqual(await store.unclaim(key('a'), mine), ok(true))
    assert.deepEqual(await store.claim(key('a'), theirs, LONG), ok(true))
  })
}
