import assert from 'node:assert/strict'
import { type CacheErrorCode, type CacheProtocol, ok, type Result } from '@dashtam/cache-protocol'
import { MAX_KEY_LENGTH } from '@dashtam/cache-protocol/adapter'
import { assertDoesNotQuote, assertFails, assertRefused } from './assertions.ts'
import { scan } from './operations/scan.ts'
import type { Suite } from './suite.ts'

interface Operation {
  /** The code of its failures. */
  readonly code: CacheErrorCode
  /** A call with otherwise good arguments. */
  readonly call: (cache: CacheProtocol, key: string) => Promise<Result<unknown>>
  /** What it answers for an existing entry that is not a string; absent when it fails, or replaces it. */
  readonly answersForOther?: unknown
  /** Whether it can only work with a string. */
  readonly needsString?: true
}

const KEYED: Readonly<Record<string, Operation>> = {
  get: { code: 'CACHE_GET_ERROR', call: (cache, key) => cache.get(key), needsString: true },
  getJson: { code: 'CACHE_GET_ERROR', call: (cache, key) => cache.getJson(key), needsString: true },
  set: { code: 'CACHE_SET_ERROR', call: (cache, key) => cache.set(key, 'v') },
  setJson: { code: 'CACHE_SET_ERROR', call: (cache, key) => cache.setJson(key, 'v') },
  take: { code: 'CACHE_TAKE_ERROR', call: (cache, key) => cache.take(key), needsString: true },
  delete: { code: 'CACHE_DELETE_ERROR', call: (cache, key) => cache.delete(key), answersForOther: true },
  deleteMany: { code: 'CACHE_DELETE_ERROR', call: (cache, key) => cache.deleteMany([key]), answersForOther: 1 },
  exists: { code: 'CACHE_EXISTS_ERROR', call: (cache, key) => cache.exists(key), answersForOther: true },
  expire: { code: 'CACHE_EXPIRE_ERROR', call: (cache, key) => cache.expire(key, 60), answersForOther: true },
  ttl: { code: 'CACHE_TTL_ERROR', call: (cache, key) => cache.ttl(key) },
  increment: { code: 'CACHE_INCREMENT_ERROR', call: (cache, key) => cache.increment(key), needsString: true },
  decrement: { code: 'CACHE_DECREMENT_ERROR', call: (cache, key) => cache.decrement(key), needsString: true },
  getMany: { code: 'CACHE_MGET_ERROR', call: (cache, key) => cache.getMany([key]), needsString: true },
  setMany: { code: 'CACHE_MSET_ERROR', call: (cache, key) => cache.setMany([[key, 'v']]) }
}

const KEYLESS: Readonly<Record<string, Operation>> = {
  deletePattern: { code: 'CACHE_DELETE_ERROR', call: (cache, key) => cache.deletePattern(`${key}*`) },
  flush: { code: 'CACHE_FLUSH_ERROR', call: cache => cache.flush() },
  ping: { code: 'CACHE_CONNECTION_ERROR', call: cache => cache.ping() }
}

const SCAN: Operation = {
  code: 'CACHE_SCAN_ERROR',
  call: async (cache, key) => {
    for await (const result of scan(cache, `${key}*`)) return result
    return ok(undefined)
  }
}

export function everyOperationTests(suite: Suite): void {
  for (const [name, operation] of Object.entries(KEYED)) {
    keyTests(suite, name, operation)
    foreignTests(suite, name, operation)
  }
  const all = { ...KEYED, ...KEYLESS, ...(suite.supportsScan && { scan: SCAN }) }
  for (const [name, operation] of Object.entries(all)) lifecycleTests(suite, name, operation)
}

function keyTests(suite: Suite, name: string, { call }: Operation): void {
  suite.test(`${name}() refuses a key that is not one of this cache`, async ({ cache, keyspace, key }) => {
    const bad: unknown[] = [
      '',
      'a',
      keyspace,
      `${keyspace}x:a`,
      `${keyspace.toUpperCase()}:a`,
      ` ${key('a')}`,
      key('~'),
      key('~:slot'),
      key('\ud800'),
      key('x'.repeat(MAX_KEY_LENGTH)),
      undefined,
      null,
      7,
      {},
      [key('a')]
    ]
    for (const each of bad) assert.equal(assertRefused(await call(cache, each as string)).details.operation, name)
  })

  suite.test(`${name}() takes the longest key there may be`, async ({ cache, key }) => {
    const result = await call(cache, key('1'.repeat(MAX_KEY_LENGTH - key('').length)))
    assert.ok(result.ok, result.ok ? '' : result.error.message)
  })

  suite.test(`${name}() never quotes the key in an error`, async ({ cache, keyspace }) => {
    const results = [await call(cache, 'hunter2'), await call(cache, `${keyspace}:hunter2\ud800`)]
    await cache.close()
    results.push(await call(cache, `${keyspace}:hunter2`))
    for (const result of results) assertDoesNotQuote(result, 'hunter2')
  })
}

function foreignTests(suite: Suite, name: string, { code, call, answersForOther, needsString }: Operation): void {
  const { foreign } = suite
  if (foreign === undefined) return

  if (needsString === true) {
    suite.test(`${name}() fails on what is not a string, and leaves it where it is`, async ({ cache, key }) => {
      await foreign.setOther(key('hunter2'))
      const result = await call(cache, key('hunter2'))
      assert.equal(assertFails(result, code, 'wrong_type').details.operation, name)
      assertDoesNotQuote(result, 'hunter2')
      assert.ok(await foreign.exists(key('hunter2')))
    })
  }
  if (answersForOther !== undefined) {
    suite.test(`${name}() takes what is not a string as any other entry`, async ({ cache, key }) => {
      await foreign.setOther(key('other'))
      assert.deepEqual(await call(cache, key('other')), ok(answersForOther))
    })
  }
}

function lifecycleTests(suite: Suite, name: string, { code, call }: Operation): void {
  suite.test(`${name}() may be the first operation of a new cache`, async ({ cache, key }) => {
    const result = await call(cache, key('1'))
    assert.ok(result.ok, result.ok ? '' : result.error.message)
  })

  suite.test(`${name}() fails as closed, from the call of close() on`, async ({ cache, key }) => {
    const assertClosed = (result: Result<unknown>) =>
      assert.equal(assertFails(result, code, 'closed').details.operation, name)
    await cache.set(key('1'), '1')
    const before = call(cache, key('1'))
    const closing = cache.close()
    const during = call(cache, key('1'))
    assert.ok((await before).ok, 'what was sent before close() is answered')
    assertClosed(await during)
    await closing
    assertClosed(await call(cache, key('1')))
  })
}
