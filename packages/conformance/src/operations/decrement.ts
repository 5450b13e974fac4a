import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { assertFails, assertHolds, assertLives, assertRefused } from '../assertions.ts'
import type { Suite } from '../suite.ts'

export function decrementTests(suite: Suite): void {
  suite.test('decrement() subtracts, by 1 when nothing is said', async ({ cache, key }) => {
    assert.deepEqual(await cache.decrement(key('n')), ok(-1))
    assert.deepEqual(await cache.decrement(key('n'), 5), ok(-6))
    assert.deepEqual(await cache.decrement(key('n'), -10), ok(4))
    await cache.decrement(key('n'), 4)
    await assertHolds(cache, key('n'), '0')
  })

  suite.test('decrement() sets the lifetime when it creates the key, and only then', async ({ cache, key }) => {
    await cache.decrement(key('n'), 1, { ttlSeconds: 9 })
    await assertLives(cache, key('n'), 9)
    await cache.decrement(key('n'), 1, { ttlSeconds: 60 })
    await assertLives(cache, key('n'), 9)
  })

  suite.test('decrement() fails under its own code', async ({ cache, key }) => {
    await cache.set(key('n'), 'abc')
    assertFails(await cache.decrement(key('n')), 'CACHE_DECREMENT_ERROR', 'wrong_type')
    assertRefused(await cache.decrement(key('n'), 0.5))
    await assertHolds(cache, key('n'), 'abc')
  })
}
