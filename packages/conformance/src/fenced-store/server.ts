import assert from 'node:assert/strict'
import type { ServerChange } from '@dashtam/cache-protocol'
import { unwrap } from '../assertions.ts'
import type { FencedSuite } from './suite.ts'

export function serverTests(suite: FencedSuite): void {
  suite.test('isReachable is true once the store has answered', async ({ store, key }) => {
    unwrap(await store.read(key('a')))
    assert.equal(store.isReachable, true)
  })

  suite.test('onServerChange() tells of the first server before any answer, and late comers at once', async subject => {
    const { store, key } = subject
    const early: ServerChange[] = []
    store.onServerChange(change => early.push(change))
    unwrap(await store.read(key('a')))
    assert.ok(early.length > 0)
    const late: ServerChange[] = []
    store.onServerChange(change => late.push(change))
    assert.deepEqual(late, early.slice(-1))
    for (const { kind, server, previous } of early) {
      assert.equal(kind, 'connected')
      assert.ok(typeof server === 'string' && server.length > 0)
      assert.equal(previous, undefined)
    }
  })
}
