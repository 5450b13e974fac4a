import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { assertFails, assertHolds, assertLives, assertRefused, unwrap } from '../assertions.ts'
import type { Suite } from '../suite.ts'

export function incrementTests(suite: Suite): void {
  suite.test('increment() counts from 0, by 1 when nothing is said', async ({ cache, key }) => {
    assert.deepEqual(await cache.increment(key('n')), ok(1))
    assert.deepEqual(await cache.increment(key('n'), 5), ok(6))
    assert.deepEqual(await cache.increment(key('n'), -10), ok(-4))
    assert.deepEqual(await cache.increment(key('n'), 0), ok(-4))
    await assertHolds(cache, key('n'), '-4')
  })

  suite.test('increment() of 10,000 interleaved calls loses none', async ({ cache, key }) => {
    const sums = await Promise.all(Array.from({ length: 10_000 }, (_, index) => cache.increment(key(`n${index % 2}`))))
    assert.equal(new Set(sums.filter((_, index) => index % 2 === 0).map(unwrap)).size, 5_000)
    await assertHolds(cache, key('n0'), '5000')
    await assertHolds(cache, key('n1'), '5000')
  })

  suite.test(
    'increment() sets the lifetime when it creates the key, and only then',
    async ({ cache, key, advance }) => {
      await cache.increment(key('n'), 1, { ttlSeconds: 0.6 })
      await advance(250)
      await cache.increment(key('n'), 1, { ttlSeconds: 60 })
      assert.ok((unwrap(await cache.ttl(key('n'))) ?? 0) <= 0.4)
      await advance(400)
      assert.deepEqual(await cache.increment(key('n'), 1, { ttlSeconds: Infinity }), ok(1))
      assert.deepEqual(await cache.ttl(key('n')), ok(Infinity))
    }
  )

  suite.test('increment() keeps an existing counter endless', async ({ cache, key }) => {
    await cache.set(key('n'), '41', { ttlSeconds: Infinity })
    await cache.increment(key('n'), 1, { ttlSeconds: 60 })
    assert.deepEqual(await cache.ttl(key('n')), ok(Infinity))
  })

  suite.test('increment() counts on from a stored integer', async ({ cache, key }) => {
    await cache.set(key('n'), '41')
    assert.deepEqual(await cache.increment(key('n')), ok(42))
  })

  suite.test('increment() fails on what is not an integer, and leaves it where it is', async ({ cache, key }) => {
    for (const text of ['', 'abc', '1.5', ' 1', '1 ', '1\n', '1e3', '0x10', '+1', '01', '-0', '99999999999999999999']) {
      await cache.set(key('n'), text)
      assertFails(await cache.increment(key('n')), 'CACHE_INCREMENT_ERROR', 'wrong_type')
      await assertHolds(cache, key('n'), text)
    }
  })

  suite.test(
    'increment() goes to the last safe integer and no further, and keeps the counter',
    async ({ cache, key }) => {
      for (const sign of [1, -1]) {
        const edge = sign * Number.MAX_SAFE_INTEGER
        await cache.set(key('n'), String(edge - sign), { ttlSeconds: 60 })
        unwrap(await cache.increment(key('n'), sign))
        await assertHolds(cache, key('n'), String(edge))
        assertFails(await cache.increment(key('n'), sign), 'CACHE_INCREMENT_ERROR', 'wrong_type')
        assertFails(await cache.increment(key('n'), edge), 'CACHE_INCREMENT_ERROR', 'wrong_type')
        await assertHolds(cache, key('n'), String(edge))
        await assertLives(cache, key('n'), 60)
        assert.deepEqual(await cache.increment(key('n'), -sign), ok(edge - sign))
      }
    }
  )

  suite.test('increment() adds exactly where the stored integer is not a safe one', async ({ cache, key }) => {
    await cache.set(key('n'), '9007199254740993')
    assert.deepEqual(await cache.increment(key('n'), -5), ok(9_007_199_254_740_988))
    await cache.set(key('n'), '9223372036854775807')
    assertFails(await cache.increment(key('n')), 'CACHE_INCREMENT_ERROR', 'wrong_type')
    await assertHolds(cache, key('n'), '9223372036854775807')
  })

  suite.test('increment() refuses a bad amount and creates nothing', async ({ cache, key }) => {
    for (const by of [0.5, Number.NaN, Infinity, 2 ** 53, '1', null, 1n]) {
      assertRefused(await cache.increment(key('n'), by as number))
    }
    await assertHolds(cache, key('n'), undefined)
  })

  if (suite.foreign === undefined) return

  suite.test('increment() by two caches loses none', async ({ cache, key, another }) => {
    const other = await another()
    await Promise.all(Array.from({ length: 1_000 }, (_, index) => (index % 2 ? cache : other).increment(key('n'))))
    await assertHolds(cache, key('n'), '1000')
  })
}
