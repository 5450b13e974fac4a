import assert from 'node:assert/strict'
import { assertFails, assertRefused, unwrap } from '../assertions.ts'
import { HOSTILE_KEY_NAMES } from '../hostile.ts'
import type { Suite } from '../suite.ts'

export function getManyTests(suite: Suite): void {
  suite.test('getMany() answers with every key asked for, in order, misses as undefined', async ({ cache, key }) => {
    await cache.set(key('b'), 'B')
    await cache.set(key('a'), '')
    const many = unwrap(await cache.getMany([key('b'), key('absent'), key('a'), key('b')]))
    assert.ok(many instanceof Map)
    assert.deepEqual(
      [...many],
      [
        [key('b'), 'B'],
        [key('absent'), undefined],
        [key('a'), '']
      ]
    )
  })

  suite.test('getMany() of nothing is an empty Map', async ({ cache }) => {
    assert.deepEqual(unwrap(await cache.getMany([])), new Map())
  })

  suite.test('getMany() keeps hostile keys apart, from any iterable', async ({ cache, key }) => {
    await cache.setMany(HOSTILE_KEY_NAMES.map((name, index) => [key(name), String(index)] as const))
    const many = unwrap(await cache.getMany(new Set(HOSTILE_KEY_NAMES.map(key))))
    for (const [index, name] of HOSTILE_KEY_NAMES.entries()) assert.equal(many.get(key(name)), String(index))
    assert.equal(many.size, HOSTILE_KEY_NAMES.length)
  })

  suite.test('getMany() reads thousands of keys, from an iterable that can be read once', async ({ cache, key }) => {
    const keys = Array.from({ length: 2_500 }, (_, index) => key(`k${index}`))
    await cache.setMany(keys.map(each => [each, each] as const))
    const many = unwrap(await cache.getMany(keys.values()))
    assert.ok(keys.every(each => many.get(each) === each))
  })

  suite.test('getMany() finds nothing once the lifetime is over', async ({ cache, key, advance }) => {
    await cache.set(key('a'), 'v', { ttlSeconds: 0.1 })
    await advance(120)
    assert.deepEqual(unwrap(await cache.getMany([key('a')])), new Map([[key('a'), undefined]]))
  })

  suite.test('getMany() takes a key that is written meanwhile for a value or a miss', async ({ cache, key }) => {
    const [many] = await Promise.all([cache.getMany([key('a'), key('b')]), cache.set(key('b'), 'v')])
    assert.ok([undefined, 'v'].includes(unwrap(many).get(key('b'))))
  })

  suite.test('getMany() with one bad key fails as a whole', async ({ cache, key }) => {
    assertRefused(await cache.getMany([key('a'), 'outside']))
  })

  const { foreign } = suite
  if (foreign === undefined) return

  suite.test('getMany() fails for one among thousands that is not a string', async ({ cache, key }) => {
    const absent = Array.from({ length: 2_500 }, (_, index) => key(`k${index}`))
    await cache.set(key('a'), 'v')
    await foreign.setOther(key('other'))
    assertFails(await cache.getMany([key('a'), ...absent, key('other')]), 'CACHE_MGET_ERROR', 'wrong_type')
  })
}
