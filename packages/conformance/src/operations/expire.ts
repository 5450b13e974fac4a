import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { assertHolds, assertRefused, unwrap } from '../assertions.ts'
import { BAD_TTLS } from '../hostile.ts'
import type { Suite } from '../suite.ts'

export function expireTests(suite: Suite): void {
  suite.test('expire() gives an existing key a new lifetime and keeps its value', async ({ cache, key, advance }) => {
    await cache.set(key('a'), 'v', { ttlSeconds: 60 })
    assert.deepEqual(await cache.expire(key('a'), 0.2), ok(true))
    await assertHolds(cache, key('a'), 'v')
    await advance(220)
    await assertHolds(cache, key('a'), undefined)
  })

  suite.test('expire() lengthens a lifetime as well', async ({ cache, key }) => {
    await cache.set(key('a'), 'v', { ttlSeconds: 5 })
    assert.deepEqual(await cache.expire(key('a'), 500), ok(true))
    assert.ok((unwrap(await cache.ttl(key('a'))) ?? 0) > 400)
  })

  suite.test(
    'expire() with Infinity removes the expiry, and says true where there was none',
    async ({ cache, key }) => {
      await cache.set(key('a'), 'v', { ttlSeconds: 5 })
      for (let time = 0; time < 2; time++) {
        assert.deepEqual(await cache.expire(key('a'), Infinity), ok(true))
        assert.deepEqual(await cache.ttl(key('a')), ok(Infinity))
      }
    }
  )

  suite.test('expire() says false where there is no such key, and creates none', async ({ cache, key }) => {
    for (const ttlSeconds of [5, Infinity]) assert.deepEqual(await cache.expire(key('absent'), ttlSeconds), ok(false))
    assert.deepEqual(await cache.exists(key('absent')), ok(false))
  })

  suite.test('expire() does not bring back what has expired', async ({ cache, key, advance }) => {
    await cache.set(key('a'), 'v', { ttlSeconds: 0.1 })
    await advance(120)
    assert.deepEqual(await cache.expire(key('a'), 60), ok(false))
    await assertHolds(cache, key('a'), undefined)
  })

  suite.test('expire() refuses a bad lifetime and keeps key and lifetime', async ({ cache, key }) => {
    await cache.set(key('a'), 'v', { ttlSeconds: 500 })
    for (const ttlSeconds of [...BAD_TTLS, undefined]) {
      assertRefused(await cache.expire(key('a'), ttlSeconds as number))
    }
    assert.ok((unwrap(await cache.ttl(key('a'))) ?? 0) > 400)
  })
}
