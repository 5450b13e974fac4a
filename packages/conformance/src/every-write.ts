import assert from 'node:assert/strict'
import type { CacheErrorCode, CacheProtocol, LifetimeOptions, Result } from '@dashtam/cache-protocol'
import { assertDoesNotQuote, assertFails, assertHolds, assertLives, assertRefused, unwrap } from './assertions.ts'
import { BAD_TTLS } from './hostile.ts'
import type { Suite } from './suite.ts'

type Write = (cache: CacheProtocol, key: string, options?: LifetimeOptions) => Promise<Result<unknown>>

/** The operations that store what they are given, as a call after which `key` holds `1`. */
const STORES: Readonly<Record<string, Write>> = {
  set: (cache, key, options) => cache.set(key, '1', options),
  setJson: (cache, key, options) => cache.setJson(key, 1, options),
  setMany: (cache, key, options) => cache.setMany([[key, '1']], options)
}

/** Every operation that may create a key. */
const WRITES: Readonly<Record<string, Write>> = {
  ...STORES,
  increment: (cache, key, options) => cache.increment(key, 1, options),
  decrement: (cache, key, options) => cache.decrement(key, 1, options)
}

const LONG = 'hunter2'.repeat(100)
const LONE = 'hunter2\ud800'

/** Calls with a value that is not accepted. */
const REFUSALS: readonly (readonly [name: string, code: CacheErrorCode, write: Write])[] = [
  ['set', 'CACHE_VALUE_TOO_LARGE', (cache, key) => cache.set(key, LONG)],
  ['set', 'CACHE_SERIALIZATION_ERROR', (cache, key) => cache.set(key, LONE)],
  ['setJson', 'CACHE_VALUE_TOO_LARGE', (cache, key) => cache.setJson(key, LONG)],
  ['setJson', 'CACHE_SERIALIZATION_ERROR', (cache, key) => cache.setJson(key, { hunter2: undefined })],
  ['setMany', 'CACHE_VALUE_TOO_LARGE', (cache, key) => cache.setMany([[key, LONG]])],
  ['setMany', 'CACHE_SERIALIZATION_ERROR', (cache, key) => cache.setMany([[key, LONE]])]
]

export function everyWriteTests(suite: Suite): void {
  for (const [name, write] of Object.entries(WRITES)) lifetimeTests(suite, name, write)

  for (const [name, code, write] of REFUSALS) {
    suite.test(
      `${name}() quotes no value in a ${code}`,
      async ({ cache, key }) => {
        const result = await write(cache, key('hunter2'))
        assert.equal(assertFails(result, code).details.operation, name)
        assertDoesNotQuote(result, 'hunter2')
        await assertHolds(cache, key('hunter2'), undefined)
      },
      { maxValueBytes: 100 }
    )
  }

  const { foreign } = suite
  if (foreign === undefined) return

  for (const [name, store] of Object.entries(STORES)) {
    suite.test(`${name}() replaces what is not a string`, async ({ cache, key }) => {
      await foreign.setOther(key('a'))
      unwrap(await store(cache, key('a')))
      await assertHolds(cache, key('a'), '1')
    })
  }
}

function lifetimeTests(suite: Suite, name: string, write: Write): void {
  suite.test(
    `${name}() gives the default lifetime when none is said, and Infinity when it is`,
    async ({ cache, key }) => {
      await write(cache, key('a'))
      await write(cache, key('b'), {})
      await write(cache, key('endless'), { ttlSeconds: Infinity })
      await assertLives(cache, key('a'), 7)
      await assertLives(cache, key('b'), 7)
      assert.equal(unwrap(await cache.ttl(key('endless'))), Infinity)
    },
    { ttlSeconds: 7 }
  )

  suite.test(`${name}() writes value and lifetime in one step`, async ({ cache, key }) => {
    const [, left] = await Promise.all([write(cache, key('a'), { ttlSeconds: 60 }), cache.ttl(key('a'))])
    assert.notEqual(unwrap(left), Infinity, 'nobody sees the one without the other')
    await assertLives(cache, key('a'), 60)
  })

  suite.test(`${name}() refuses a bad lifetime, and creates and changes nothing`, async ({ cache, key }) => {
    await cache.set(key('there'), '7')
    for (const ttlSeconds of BAD_TTLS as readonly number[]) {
      assertRefused(await write(cache, key('there'), { ttlSeconds }))
      assertRefused(await write(cache, key('absent'), { ttlSeconds }))
    }
    await assertHolds(cache, key('there'), '7')
    await assertHolds(cache, key('absent'), undefined)
  })
}
