import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { assertHolds, unwrap } from '../assertions.ts'
import type { Suite } from '../suite.ts'

export function takeTests(suite: Suite): void {
  suite.test('take() reads and deletes', async ({ cache, key }) => {
    await cache.set(key('token'), 'v')
    await cache.set(key('other'), 'w')
    assert.deepEqual(await cache.take(key('token')), ok('v'))
    assert.deepEqual(await cache.take(key('token')), ok(undefined))
    await assertHolds(cache, key('token'), undefined)
    await assertHolds(cache, key('other'), 'w')
  })

  suite.test('take() gives an empty string as the value that it is', async ({ cache, key }) => {
    await cache.set(key('token'), '')
    assert.deepEqual(await cache.take(key('token')), ok(''))
  })

  suite.test('take() by 100 concurrent readers gives the value to exactly one', async ({ cache, key }) => {
    for (let round = 0; round < 20; round++) {
      await cache.set(key('token'), `v${round}`)
      const takes = Array.from({ length: 100 }, () => cache.take(key('token')))
      const values = (await Promise.all(takes)).map(unwrap).filter(value => value !== undefined)
      assert.deepEqual(values, [`v${round}`])
    }
  })

  suite.test('take() finds nothing once the lifetime is over', async ({ cache, key, advance }) => {
    await cache.set(key('token'), 'v', { ttlSeconds: 0.1 })
    await advance(120)
    assert.deepEqual(await cache.take(key('token')), ok(undefined))
  })

  if (suite.foreign === undefined) return

  suite.test('take() by the readers of two caches gives the value to exactly one', async ({ cache, key, another }) => {
    const other = await another()
    for (let round = 0; round < 20; round++) {
      await cache.set(key('token'), `v${round}`)
      const takes = Array.from({ length: 20 }, (_, index) => (index % 2 ? cache : other).take(key('token')))
      const values = (await Promise.all(takes)).map(unwrap).filter(value => value !== undefined)
      assert.deepEqual(values, [`v${round}`])
    }
  })
}
