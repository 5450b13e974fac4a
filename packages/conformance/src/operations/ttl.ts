import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { MAX_TTL_SECONDS } from '@dashtam/cache-protocol/adapter'
import { assertHolds, assertLives, unwrap } from '../assertions.ts'
import type { Suite } from '../suite.ts'

export function ttlTests(suite: Suite): void {
  suite.test('ttl() keeps absent, endless and limited apart', async ({ cache, key }) => {
    await cache.set(key('endless'), 'v', { ttlSeconds: Infinity })
    await cache.set(key('limited'), 'v', { ttlSeconds: 60 })
    assert.deepEqual(await cache.ttl(key('absent')), ok(undefined))
    assert.deepEqual(await cache.ttl(key('endless')), ok(Infinity))
    await assertLives(cache, key('limited'), 60)
  })

  suite.test('ttl() goes down as time passes, in fractions of a second, to absent', async ({ cache, key, advance }) => {
    await cache.set(key('a'), 'v', { ttlSeconds: 0.9 })
    await advance(300)
    const left = unwrap(await cache.ttl(key('a'))) ?? 0
    assert.ok(left > 0 && left < 0.65, String(left))
    await advance(620)
    assert.deepEqual(await cache.ttl(key('a')), ok(undefined))
  })

  suite.test('ttl() knows the longest lifetime there is', async ({ cache, key }) => {
    await cache.set(key('a'), 'v', { ttlSeconds: MAX_TTL_SECONDS })
    await assertHolds(cache, key('a'), 'v')
    await assertLives(cache, key('a'), MAX_TTL_SECONDS)
  })
}
