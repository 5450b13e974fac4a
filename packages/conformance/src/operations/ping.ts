import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import type { Suite } from '../suite.ts'

export function pingTests(suite: Suite): void {
  suite.test('ping() answers true', async ({ cache }) => {
    assert.deepEqual(await cache.ping(), ok(true))
  })
}
