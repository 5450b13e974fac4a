import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { assertFails, assertHolds, unwrap } from '../assertions.ts'
import { JSON_VALUES, jsonMisfits } from '../hostile.ts'
import type { Suite } from '../suite.ts'

export function setJsonTests(suite: Suite): void {
  suite.test('setJson() stores JSON text that comes back as it went in', async ({ cache, key }) => {
    for (const value of JSON_VALUES) {
      assert.deepEqual(await cache.setJson(key('a'), value), ok(undefined))
      assert.equal(unwrap(await cache.get(key('a'))), JSON.stringify(value))
      assert.deepEqual(await cache.getJson(key('a')), ok(JSON.parse(JSON.stringify(value))))
    }
  })

  suite.test('setJson() refuses what JSON would change, and keeps what was there', async ({ cache, key }) => {
    await cache.set(key('a'), '"before"')
    for (const [what, value] of jsonMisfits()) {
      const result = await cache.setJson(key('a'), value)
      assert.ok(!result.ok && result.error.code === 'CACHE_SERIALIZATION_ERROR', what)
    }
    assertFails(await cache.setJson(key('a'), undefined as unknown as null), 'CACHE_SERIALIZATION_ERROR')
    await assertHolds(cache, key('a'), '"before"')
  })

  suite.test('setJson() takes a snapshot: a later change of the object is not stored', async ({ cache, key }) => {
    const account = { name: 'before' }
    const stored = cache.setJson(key('a'), account)
    account.name = 'after'
    await stored
    assert.deepEqual(await cache.getJson(key('a')), ok({ name: 'before' }))
  })

  suite.test(
    'setJson() refuses a value whose text is above maxValueBytes',
    async ({ cache, key }) => {
      assertFails(await cache.setJson(key('a'), 'x'.repeat(99)), 'CACHE_VALUE_TOO_LARGE')
      assert.deepEqual(await cache.setJson(key('a'), 'x'.repeat(98)), ok(undefined))
    },
    { maxValueBytes: 100 }
  )
}
