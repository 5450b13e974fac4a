import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import type { Suite } from '../suite.ts'

export function closeTests(suite: Suite): void {
  suite.test('close() may be called again, and at once', async ({ cache, key }) => {
    await cache.set(key('a'), 'v')
    assert.deepEqual(await Promise.all([cache.close(), cache.close()]), [ok(undefined), ok(undefined)])
    assert.deepEqual(await cache.close(), ok(undefined))
  })

  suite.test('close() lets what was sent before it finish', async ({ cache, key }) => {
    await cache.set(key('a'), 'v')
    const [read] = await Promise.all([cache.get(key('a')), cache.close()])
    assert.deepEqual(read, ok('v'))
  })

  suite.test('close() before the first operation is harmless', async ({ cache }) => {
    assert.deepEqual(await cache.close(), ok(undefined))
  })
}
