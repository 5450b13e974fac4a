import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import type { Suite } from '../suite.ts'

export function existsTests(suite: Suite): void {
  suite.test('exists() is true from set to delete, for an empty value too', async ({ cache, key }) => {
    assert.deepEqual(await cache.exists(key('a')), ok(false))
    await cache.set(key('a'), '')
    assert.deepEqual(await cache.exists(key('a')), ok(true))
    await cache.delete(key('a'))
    assert.deepEqual(await cache.exists(key('a')), ok(false))
  })

  suite.test('exists() is false once the lifetime is over', async ({ cache, key, advance }) => {
    await cache.set(key('a'), 'v', { ttlSeconds: 0.1 })
    await advance(120)
    assert.deepEqual(await cache.exists(key('a')), ok(false))
  })
}
