import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { assertHolds } from '../assertions.ts'
import { HOSTILE_KEY_NAMES } from '../hostile.ts'
import type { Suite } from '../suite.ts'

export function flushTests(suite: Suite): void {
  suite.test('flush() empties the keyspace', async ({ cache, key }) => {
    await cache.setMany(HOSTILE_KEY_NAMES.map(name => [key(name), 'v'] as const))
    assert.deepEqual(await cache.flush(), ok(undefined))
    for (const name of HOSTILE_KEY_NAMES) await assertHolds(cache, key(name), undefined)
    assert.deepEqual(await cache.flush(), ok(undefined))
  })

  suite.test(
    'flush() leaves other keyspaces alone, also those whose names are alike',
    async ({ cache, keyspace, key, another }) => {
      const names = [`${keyspace}x`, keyspace.slice(0, -1), `x${keyspace}`]
      const others = await Promise.all(names.map(name => another({ keyspace: name })))
      for (const [index, other] of others.entries()) await other.set(`${names[index]}:a`, 'v')
      await cache.set(key('a'), 'v')
      await cache.flush()
      for (const [index, other] of others.entries()) {
        await assertHolds(other, `${names[index]}:a`, 'v')
        await other.flush()
      }
    }
  )

  suite.test('flush() lets the cache be used on', async ({ cache, key }) => {
    await cache.flush()
    await cache.set(key('a'), 'v')
    await assertHolds(cache, key('a'), 'v')
  })

  const { foreign } = suite
  if (foreign === undefined) return

  suite.test('flush() passes over the entries of the engine', async ({ cache, key }) => {
    await foreign.setString(key('~:slot'), 'v')
    await cache.flush()
    assert.ok(await foreign.exists(key('~:slot')))
  })

  suite.test('flush() deletes what is not a string, too', async ({ cache, key }) => {
    await foreign.setOther(key('other'))
    await cache.flush()
    assert.ok(!(await foreign.exists(key('other'))))
  })
}
