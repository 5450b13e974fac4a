import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { assertFails, assertHolds, assertLives, assertRefused } from '../assertions.ts'
import { HOSTILE_VALUES } from '../hostile.ts'
import type { Suite } from '../suite.ts'

export function setTests(suite: Suite): void {
  suite.test('set() brings every string back exactly', async ({ cache, key }) => {
    for (const value of HOSTILE_VALUES) {
      assert.deepEqual(await cache.set(key('a'), value), ok(undefined))
      await assertHolds(cache, key('a'), value)
    }
  })

  suite.test('set() refuses a string that UTF-8 cannot carry, and keeps what was there', async ({ cache, key }) => {
    await cache.set(key('a'), 'before')
    for (const value of ['\ud800', 'a\udc00b', '\ude00\ud83d']) {
      assertFails(await cache.set(key('a'), value), 'CACHE_SERIALIZATION_ERROR')
    }
    await assertHolds(cache, key('a'), 'before')
  })

  suite.test('set() refuses what is not a string', async ({ cache, key }) => {
    for (const value of [undefined, null, 1, {}, Buffer.from('x')]) {
      assertRefused(await cache.set(key('a'), value as string))
    }
    await assertHolds(cache, key('a'), undefined)
  })

  suite.test('set() lets a value live for ttlSeconds', async ({ cache, key, advance }) => {
    await cache.set(key('short'), 'v', { ttlSeconds: 0.3 })
    await cache.set(key('long'), 'v', { ttlSeconds: 60 })
    await assertHolds(cache, key('short'), 'v')
    await advance(320)
    await assertHolds(cache, key('short'), undefined)
    await assertHolds(cache, key('long'), 'v')
  })

  suite.test('set() rounds a lifetime up to a millisecond: nothing becomes 0', async ({ cache, key }) => {
    assert.deepEqual(await cache.set(key('a'), 'v', { ttlSeconds: Number.MIN_VALUE }), ok(undefined))
  })

  suite.test('set() replaces the lifetime together with the value', async ({ cache, key }) => {
    await cache.set(key('a'), 'v', { ttlSeconds: 5 })
    await cache.set(key('a'), 'v', { ttlSeconds: Infinity })
    assert.deepEqual(await cache.ttl(key('a')), ok(Infinity))
    await cache.set(key('a'), 'v', { ttlSeconds: 5 })
    await assertLives(cache, key('a'), 5)
  })

  suite.test(
    'set() refuses a value above maxValueBytes, counted in UTF-8, and keeps what was there',
    async ({ cache, key }) => {
      await cache.set(key('a'), 'x'.repeat(1_000))
      for (const tooLarge of ['x'.repeat(1_001), 'é'.repeat(501)]) {
        const { details } = assertFails(await cache.set(key('a'), tooLarge), 'CACHE_VALUE_TOO_LARGE')
        assert.equal(details.maxValueBytes, 1_000)
        assert.equal(details.sizeBytes, Buffer.byteLength(tooLarge))
      }
      await assertHolds(cache, key('a'), 'x'.repeat(1_000))
    },
    { maxValueBytes: 1_000 }
  )
}
