import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { assertHolds } from '../assertions.ts'
import { HOSTILE_KEY_NAMES } from '../hostile.ts'
import type { Suite } from '../suite.ts'

export function deleteTests(suite: Suite): void {
  suite.test('delete() tells whether there was something to delete', async ({ cache, key }) => {
    await cache.set(key('a'), '')
    assert.deepEqual(await cache.delete(key('a')), ok(true))
    assert.deepEqual(await cache.delete(key('a')), ok(false))
    await assertHolds(cache, key('a'), undefined)
  })

  suite.test('delete() takes a hostile key literally and deletes no other', async ({ cache, key }) => {
    for (const name of HOSTILE_KEY_NAMES) await cache.set(key(name), name)
    for (const [index, name] of HOSTILE_KEY_NAMES.entries()) {
      assert.deepEqual(await cache.delete(key(name)), ok(true))
      const next = HOSTILE_KEY_NAMES[index + 1]
      if (next !== undefined) await assertHolds(cache, key(next), next)
    }
  })

  suite.test('delete() finds nothing once the lifetime is over', async ({ cache, key, advance }) => {
    await cache.set(key('a'), 'v', { ttlSeconds: 0.1 })
    await advance(120)
    assert.deepEqual(await cache.delete(key('a')), ok(false))
  })
}
