import assert from 'node:assert/strict'
import { unwrap } from '../assertions.ts'
import type { BucketSuite } from './suite.ts'
import { SLOW, SMALL } from './taking.ts'

export function foreignTests({ test, foreign }: BucketSuite): void {
  if (foreign === undefined) return

  test('take() takes a string that is no bucket for a full one', async ({ buckets, key }) => {
    for (const value of ['', 'abc', 'nan', '{"tokens":1}', '0', '-1', 'inf', '1e300', '9007199254740991']) {
      await foreign.setString(key('a'), value)
      assert.equal(unwrap(await buckets.peek(key('a'), SLOW)).remaining, 10)
      assert.equal(unwrap(await buckets.take(key('a'), SLOW)).remaining, 9)
      await foreign.setString(key('a'), value)
      assert.equal(unwrap(await buckets.take(key('a'), SMALL)).remaining, 29_999)
    }
  })

  test('take(), peek() and give() fail for what is not a string, and leave it', async ({ buckets, key }) => {
    await foreign.setOther(key('a'))
    for (const result of [
      await buckets.take(key('a'), SLOW),
      await buckets.take(key('a'), SMALL),
      await buckets.peek(key('a'), SLOW),
      await buckets.give(key('a'), SLOW)
    ]) {
      if (result.ok) assert.fail('answered')
      assert.equal(result.error.code, 'CACHE_BUCKET_ERROR')
      assert.equal(result.error.reason, 'wrong_type')
    }
    assert.equal(unwrap(await buckets.reset(key('a'))), true)
  })
}
