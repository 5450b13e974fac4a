import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { assertDoesNotQuote, assertFails, assertHolds, unwrap } from '../assertions.ts'
import type { Suite } from '../suite.ts'

export function getJsonTests(suite: Suite): void {
  suite.test('getJson() tells a miss from a stored null', async ({ cache, key }) => {
    await cache.setJson(key('null'), null)
    assert.deepEqual(await cache.getJson(key('null')), ok(null))
    assert.deepEqual(await cache.getJson(key('absent')), ok(undefined))
  })

  suite.test('getJson() fails on text that is not JSON, and leaves it where it is', async ({ cache, key }) => {
    for (const text of ['', '{', 'undefined', "{'a':1}", '{"a":1}}']) {
      await cache.set(key('broken'), text)
      assertFails(await cache.getJson(key('broken')), 'CACHE_JSON_ERROR')
      await assertHolds(cache, key('broken'), text)
    }
  })

  suite.test('getJson() never quotes the stored text in its error', async ({ cache, key }) => {
    await cache.set(key('secret'), 'hunter2 is not JSON')
    assertDoesNotQuote(await cache.getJson(key('secret')), 'hunter2')
  })

  suite.test('getJson() hands out a fresh object for each call', async ({ cache, key }) => {
    await cache.setJson(key('a'), { list: [1] })
    const first = unwrap(await cache.getJson<{ list: number[] }>(key('a')))
    first?.list.push(2)
    assert.deepEqual(await cache.getJson(key('a')), ok({ list: [1] }))
  })

  suite.test('getJson() does not let a stored __proto__ reach any prototype', async ({ cache, key }) => {
    await cache.set(key('a'), '{"__proto__":{"polluted":true}}')
    const value = unwrap(await cache.getJson<object>(key('a'))) ?? {}
    assert.equal(Reflect.get({}, 'polluted'), undefined)
    assert.deepEqual(Object.keys(value), ['__proto__'])
  })
}
