import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { assertFails, assertHolds, assertRefused, unwrap } from '../assertions.ts'
import { BAD_TTLS, HOSTILE_KEY_NAMES } from '../hostile.ts'
import type { Suite } from '../suite.ts'

export function setManyTests(suite: Suite): void {
  suite.test('setMany() stores all, with one lifetime', async ({ cache, key }) => {
    const entries = new Map(HOSTILE_KEY_NAMES.map((name, index) => [key(name), String(index)]))
    assert.deepEqual(await cache.setMany(entries, { ttlSeconds: 60 }), ok(undefined))
    for (const [each, value] of entries) {
      await assertHolds(cache, each, value)
      const left = unwrap(await cache.ttl(each)) ?? 0
      assert.ok(left <= 60 && left > 50)
    }
  })

  suite.test('setMany() of nothing is a success', async ({ cache }) => {
    assert.deepEqual(await cache.setMany([]), ok(undefined))
  })

  suite.test('setMany() lets the last value of a repeated key count', async ({ cache, key }) => {
    await cache.setMany([
      [key('a'), '1'],
      [key('b'), '2'],
      [key('a'), '3']
    ])
    await assertHolds(cache, key('a'), '3')
    await assertHolds(cache, key('b'), '2')
  })

  suite.test(
    'setMany() gives the default lifetime when none is said, and Infinity when it is',
    async ({ cache, key }) => {
      await cache.setMany([[key('a'), '1']])
      const left = unwrap(await cache.ttl(key('a'))) ?? 0
      assert.ok(left <= 7 && left > 5)
      await cache.setMany([[key('a'), '1']], { ttlSeconds: Infinity })
      assert.deepEqual(await cache.ttl(key('a')), ok(Infinity))
    },
    { ttlSeconds: 7 }
  )

  suite.test(
    'setMany() stores nothing when one entry is refused',
    async ({ cache, key }) => {
      assertRefused(
        await cache.setMany([
          [key('a'), '1'],
          ['outside', '2']
        ])
      )
      assertRefused(
        await cache.setMany([
          [key('a'), '1'],
          [key('b'), 2 as unknown as string]
        ])
      )
      assertFails(
        await cache.setMany([
          [key('a'), '1'],
          [key('b'), '\ud800']
        ]),
        'CACHE_SERIALIZATION_ERROR'
      )
      assertFails(
        await cache.setMany([
          [key('a'), '1'],
          [key('b'), 'x'.repeat(101)]
        ]),
        'CACHE_VALUE_TOO_LARGE'
      )
      for (const ttlSeconds of BAD_TTLS) {
        assertRefused(await cache.setMany([[key('a'), '1']], { ttlSeconds: ttlSeconds as number }))
      }
      await assertHolds(cache, key('a'), undefined)
    },
    { maxValueBytes: 100 }
  )
}
