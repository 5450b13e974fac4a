import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { assertHolds } from '../assertions.ts'
import { HOSTILE_KEY_NAMES } from '../hostile.ts'
import type { Suite } from '../suite.ts'

export function getTests(suite: Suite): void {
  suite.test('get() answers a miss with undefined, which is not an error', async ({ cache, key }) => {
    assert.deepEqual(await cache.get(key('absent')), ok(undefined))
  })

  suite.test('get() answers an empty string with the value that it is', async ({ cache, key }) => {
    await cache.set(key('a'), '')
    assert.deepEqual(await cache.get(key('a')), ok(''))
  })

  suite.test('get() keeps hostile keys apart', async ({ cache, key }) => {
    for (const [index, name] of HOSTILE_KEY_NAMES.entries()) await cache.set(key(name), String(index))
    for (const [index, name] of HOSTILE_KEY_NAMES.entries()) await assertHolds(cache, key(name), String(index))
  })
}
