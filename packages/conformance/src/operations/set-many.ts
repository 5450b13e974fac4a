import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { assertFails, assertHolds, assertLives, assertRefused, unwrap } from '../assertions.ts'
import { HOSTILE_KEY_NAMES } from '../hostile.ts'
import type { Suite } from '../suite.ts'

export function setManyTests(suite: Suite): void {
  suite.test('setMany() stores all, with one lifetime', async ({ cache, key }) => {
    const entries = new Map(HOSTILE_KEY_NAMES.map((name, index) => [key(name), String(index)]))
    assert.deepEqual(await cache.setMany(entries, { ttlSeconds: 60 }), ok(undefined))
    for (const [each, value] of entries) {
      await assertHolds(cache, each, value)
      await assertLives(cache, each, 60)
    }
  })

  suite.test('setMany() replaces the lifetime together with the value', async ({ cache, key }) => {
    await cache.set(key('a'), 'before', { ttlSeconds: 5 })
    await cache.setMany([[key('a'), 'after']], { ttlSeconds: 60 })
    await assertHolds(cache, key('a'), 'after')
    await assertLives(cache, key('a'), 60)
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

  suite.test('setMany() stores thousands, from an iterable that can be read once', async ({ cache, key }) => {
    const keys = Array.from({ length: 2_500 }, (_, index) => key(`k${index}`))
    function* entries() {
      for (const each of keys) yield [each, 'first'] as const
      for (const each of keys) yield [each, each] as const
    }
    assert.deepEqual(await cache.setMany(entries()), ok(undefined))
    const many = unwrap(await cache.getMany(keys))
    assert.ok(keys.every(each => many.get(each) === each))
  })

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
      await assertHolds(cache, key('a'), undefined)
    },
    { maxValueBytes: 100 }
  )
}
