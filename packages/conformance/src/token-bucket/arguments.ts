import assert from 'node:assert/strict'
import type { Result, TokenBucket, TokenLimit } from '@dashtam/cache-protocol'
import { unwrap } from '../assertions.ts'
import type { BucketSuite } from './suite.ts'
import { SLOW } from './taking.ts'

type Call = (buckets: TokenBucket, key: string, limit: TokenLimit, tokens?: number) => Promise<Result<unknown>>

const CALLS: Readonly<Record<string, Call>> = {
  take: (buckets, key, limit, tokens) => buckets.take(key, limit, tokens),
  peek: (buckets, key, limit, tokens) => buckets.peek(key, limit, tokens),
  give: (buckets, key, limit, tokens) => buckets.give(key, limit, tokens)
}

const reset: Call = (buckets, key) => buckets.reset(key)

const BAD_CAPACITIES: readonly unknown[] = [0, -1, 1.5, Number.NaN, Infinity, 10_000_001, '10', null, undefined]
const BAD_REFILLS: readonly unknown[] = [0, -1, 0.000_9, Number.NaN, Infinity, 31_622_401, '60', null, undefined]
const BAD_TOKENS: readonly unknown[] = [0, -1, 1.5, Number.NaN, Infinity, 11, '1', null]

export function argumentTests(suite: BucketSuite): void {
  for (const [name, call] of Object.entries(CALLS)) {
    suite.test(`${name}() refuses what is no limit, and more than a bucket holds`, async ({ buckets, key }) => {
      for (const capacity of BAD_CAPACITIES) {
        assertRefused(await call(buckets, key('a'), { capacity: capacity as number, refillSeconds: 60 }), 'capacity')
      }
      for (const refillSeconds of BAD_REFILLS) {
        assertRefused(
          await call(buckets, key('a'), { capacity: 10, refillSeconds: refillSeconds as number }),
          'refillSeconds'
        )
      }
      for (const tokens of BAD_TOKENS) assertRefused(await call(buckets, key('a'), SLOW, tokens as number), 'tokens')
      assert.equal(unwrap(await buckets.peek(key('a'), SLOW)).remaining, 10)
    })
  }

  for (const [name, call] of Object.entries({ ...CALLS, reset })) {
    suite.test(`${name}() refuses a key that is not one of this cache, and does not quote it`, async subject => {
      const { buckets, keyspace, key } = subject
      const bad: unknown[] = [
        '',
        'hunter2',
        keyspace,
        `${keyspace}x:hunter2`,
        key('~:hunter2'),
        key('\ud800'),
        undefined,
        7
      ]
      for (const each of bad) {
        const result = await call(buckets, each as string, SLOW)
        assertRefused(result, '')
        assert.ok(!JSON.stringify(result).includes('hunter2'))
      }
    })
  }
}

function assertRefused(result: Result<unknown>, what: string): void {
  if (result.ok) assert.fail(`bad ${what} accepted`)
  assert.equal(result.error.code, 'CACHE_INVALID_ARGUMENT')
  assert.ok(result.error.message.includes(what), result.error.message)
}
