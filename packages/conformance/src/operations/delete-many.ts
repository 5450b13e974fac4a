import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { assertHolds, assertRefused } from '../assertions.ts'
import { HOSTILE_KEY_NAMES } from '../hostile.ts'
import type { Suite } from '../suite.ts'

export function deleteManyTests(suite: Suite): void {
  suite.test('deleteMany() counts what was there, a repeated key once', async ({ cache, key }) => {
    await cache.set(key('a'), '1')
    await cache.set(key('b'), '2')
    await cache.set(key('kept'), '3')
    assert.deepEqual(await cache.deleteMany([key('absent'), key('a'), key('b'), key('a')]), ok(2))
    await assertHolds(cache, key('a'), undefined)
    await assertHolds(cache, key('b'), undefined)
    await assertHolds(cache, key('kept'), '3')
  })

  suite.test('deleteMany() of nothing is 0', async ({ cache }) => {
    assert.deepEqual(await cache.deleteMany([]), ok(0))
  })

  suite.test('deleteMany() takes thousands of keys, from an iterable that can be read once', async ({ cache, key }) => {
    const keys = Array.from({ length: 2_500 }, (_, index) => key(`k${index}`))
    await cache.setMany(keys.map(each => [each, 'v'] as const))
    assert.deepEqual(await cache.deleteMany(keys.values()), ok(2_500))
    assert.deepEqual(await cache.deleteMany(keys.values()), ok(0))
  })

  suite.test('deleteMany() takes hostile keys literally', async ({ cache, key }) => {
    const keys = HOSTILE_KEY_NAMES.map(key)
    await cache.setMany(keys.map(each => [each, 'v'] as const))
    assert.deepEqual(await cache.deleteMany(keys), ok(keys.length))
  })

  suite.test('deleteMany() with one bad key deletes nothing', async ({ cache, key }) => {
    await cache.set(key('a'), '1')
    assertRefused(await cache.deleteMany([key('a'), 'outside']))
    await assertHolds(cache, key('a'), '1')
  })
}
