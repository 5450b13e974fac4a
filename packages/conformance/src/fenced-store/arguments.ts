import assert from 'node:assert/strict'
import type { FencedStore, Result, SlotEntry } from '@dashtam/cache-protocol'
import { MAX_KEY_LENGTH, randomId } from '@dashtam/cache-protocol/adapter'
import { assertDoesNotQuote, assertRefused } from '../assertions.ts'
import { assertAbsent, entryOf, type FencedSuite, generationOf, LONG } from './suite.ts'

type Call<T> = (store: FencedStore, key: string, with_: T) => Promise<Result<unknown>>

/** Every operation on a slot, with otherwise good arguments. */
const KEYED: Readonly<Record<string, Call<undefined>>> = {
  read: (store, key) => store.read(key),
  readMany: (store, key) => store.readMany([key]),
  identify: (store, key) => store.identify(key),
  acquire: (store, key) => store.acquire(key, randomId(), LONG),
  renew: (store, key) => store.renew(key, randomId(), LONG),
  release: (store, key) => store.release(key, randomId()),
  fill: (store, key) => store.fill(key, randomId(), entryOf('a')),
  refresh: (store, key) => store.refresh(key, randomId(), entryOf('a')),
  claim: (store, key) => store.claim(key, randomId(), LONG),
  unclaim: (store, key) => store.unclaim(key, randomId()),
  invalidate: (store, key) => store.invalidate([key]),
  beginWrite: (store, key) => store.beginWrite(key, randomId(), LONG),
  renewWrite: (store, key) => store.renewWrite(key, randomId(), LONG),
  endWrite: (store, key) => store.endWrite(key, randomId())
}

const WITH_TOKEN: Readonly<Record<string, Call<string>>> = {
  acquire: (store, key, token) => store.acquire(key, token, LONG),
  renew: (store, key, token) => store.renew(key, token, LONG),
  release: (store, key, token) => store.release(key, token),
  fill: (store, key, token) => store.fill(key, token, entryOf('a')),
  claim: (store, key, token) => store.claim(key, token, LONG),
  unclaim: (store, key, token) => store.unclaim(key, token),
  beginWrite: (store, key, token) => store.beginWrite(key, token, LONG),
  renewWrite: (store, key, token) => store.renewWrite(key, token, LONG),
  endWrite: (store, key, token) => store.endWrite(key, token),
  beginGenerationWrite: (store, _key, token) => store.beginGenerationWrite(['a'], token, LONG),
  renewGenerationWrite: (store, _key, token) => store.renewGenerationWrite(['a'], token, LONG),
  endGenerationWrite: (store, _key, token) => store.endGenerationWrite(['a'], token)
}

const WITH_DURATION: Readonly<Record<string, Call<number>>> = {
  acquire: (store, key, ms) => store.acquire(key, randomId(), ms),
  renew: (store, key, ms) => store.renew(key, randomId(), ms),
  claim: (store, key, ms) => store.claim(key, randomId(), ms),
  invalidate: (store, key, holdMs) => store.invalidate([key], { holdMs }),
  beginWrite: (store, key, ms) => store.beginWrite(key, randomId(), ms),
  renewWrite: (store, key, ms) => store.renewWrite(key, randomId(), ms),
  endWrite: (store, key, holdMs) => store.endWrite(key, randomId(), { holdMs }),
  beginGenerationWrite: (store, _key, ms) => store.beginGenerationWrite(['a'], randomId(), ms),
  renewGenerationWrite: (store, _key, ms) => store.renewGenerationWrite(['a'], randomId(), ms)
}

const WITH_ENTRY: Readonly<Record<string, Call<SlotEntry>>> = {
  fill: (store, key, entry) => store.fill(key, randomId(), entry),
  refresh: (store, key, entry) => store.refresh(key, randomId(), entry),
  endWrite: (store, key, entry) => store.endWrite(key, randomId(), { entry })
}

/** None is 22 characters of base64url that stand for 128 bits. */
const BAD_IDS: readonly unknown[] = [
  '',
  'hunter2',
  'x'.repeat(21),
  'x'.repeat(23),
  `${'x'.repeat(21)}+`,
  `${'x'.repeat(21)}\n`,
  '-'.repeat(22),
  undefined,
  null,
  7
]

const BAD_DURATIONS: readonly unknown[] = [0, -1, 1.5, Number.NaN, Number.MAX_VALUE, '100', null]

export function argumentTests(suite: FencedSuite): void {
  for (const [name, call] of Object.entries(KEYED)) {
    suite.test(`${name}() refuses a key that is not one of this cache`, async ({ store, key, keyspace }) => {
      const bad: unknown[] = [
        '',
        'a',
        keyspace,
        `${keyspace}x:a`,
        key('~'),
        key('~:slot'),
        key('\ud800'),
        key('x'.repeat(MAX_KEY_LENGTH)),
        undefined,
        null,
        7
      ]
      for (const each of bad) assertRefused(await call(store, each as string, undefined))
    })

    suite.test(`${name}() takes the longest key there may be, and may come first`, async ({ store, key }) => {
      const result = await call(store, key('1'.repeat(MAX_KEY_LENGTH - key('').length)), undefined)
      assert.ok(result.ok, result.ok ? '' : result.error.message)
    })

    suite.test(`${name}() never quotes a key in an error`, async ({ store, keyspace }) => {
      for (const bad of ['hunter2', `${keyspace}:hunter2\ud800`]) {
        assertDoesNotQuote(await call(store, bad, undefined), 'hunter2')
      }
    })
  }

  for (const name of ['readMany', 'invalidate'] as const) {
    suite.test(`${name}() refuses all when one of the keys is bad`, async ({ store, key }) => {
      const before = await store.acquire(key('a'), randomId(), LONG)
      assert.ok(before.ok)
      assertRefused(await store[name]([key('a'), 'outside']))
      assert.ok((await store.identify(key('a'))).ok)
    })
  }

  for (const [name, call] of Object.entries(WITH_TOKEN)) {
    suite.test(`${name}() refuses what is not a token, and quotes it nowhere`, async ({ store, key }) => {
      for (const bad of BAD_IDS) {
        const result = await call(store, key('a'), bad as string)
        assertRefused(result)
        assertDoesNotQuote(result, 'hunter2')
      }
      await assertAbsent(store, key('a'))
    })
  }

  for (const [name, call] of Object.entries(WITH_DURATION)) {
    suite.test(`${name}() refuses a duration that is none`, async ({ store, key }) => {
      const generation = await generationOf(store, 'a')
      for (const bad of [...BAD_DURATIONS, Infinity]) assertRefused(await call(store, key('a'), bad as number))
      await assertAbsent(store, key('a'))
      assert.deepEqual(await generationOf(store, 'a'), generation)
    })
  }

  for (const [name, call] of Object.entries(WITH_ENTRY)) {
    suite.test(`${name}() refuses an entry that is none`, async ({ store, key }) => {
      const entries: readonly object[] = [
        ...BAD_IDS.map(id => ({ ...entryOf('a'), id })),
        ...BAD_DURATIONS.map(ttlMs => ({ ...entryOf('a'), ttlMs })),
        ...['text', [1, 2], undefined].map(bytes => ({ ...entryOf('a'), bytes }))
      ]
      for (const bad of entries) assertRefused(await call(store, key('a'), bad as SlotEntry))
      await assertAbsent(store, key('a'))
    })
  }

  suite.test('endWrite() refuses to store and to hold at once', async ({ store, key }) => {
    assertRefused(await store.endWrite(key('a'), randomId(), { entry: entryOf('a'), holdMs: LONG }))
  })
}
