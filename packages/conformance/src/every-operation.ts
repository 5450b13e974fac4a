import assert from 'node:assert/strict'
import type { CacheProtocol, Result } from '@dashtam/cache-protocol'
import { MAX_KEY_LENGTH } from '@dashtam/cache-protocol/adapter'
import { assertFails, assertRefused } from './assertions.ts'
import type { Suite } from './suite.ts'

type Call = (cache: CacheProtocol, key: string) => Promise<Result<unknown>>

/** Every operation that takes a key, as a call with otherwise good arguments. */
const KEYED: Readonly<Record<string, Call>> = {
  get: (cache, key) => cache.get(key),
  getJson: (cache, key) => cache.getJson(key),
  set: (cache, key) => cache.set(key, 'v'),
  setJson: (cache, key) => cache.setJson(key, 'v'),
  take: (cache, key) => cache.take(key),
  delete: (cache, key) => cache.delete(key),
  deleteMany: (cache, key) => cache.deleteMany([key]),
  exists: (cache, key) => cache.exists(key),
  expire: (cache, key) => cache.expire(key, 60),
  ttl: (cache, key) => cache.ttl(key),
  increment: (cache, key) => cache.increment(key),
  decrement: (cache, key) => cache.decrement(key),
  getMany: (cache, key) => cache.getMany([key]),
  setMany: (cache, key) => cache.setMany([[key, 'v']])
}

const OPERATIONS: Readonly<Record<string, Call>> = {
  ...KEYED,
  deletePattern: (cache, key) => cache.deletePattern(`${key}*`),
  scan: async (cache, key) => {
    for await (const result of cache.scan?.(`${key}*`) ?? []) return result
    return { ok: true, value: undefined }
  },
  flush: cache => cache.flush(),
  ping: cache => cache.ping()
}

export function everyOperationTests(suite: Suite): void {
  for (const [name, call] of Object.entries(KEYED)) {
    suite.test(`${name}() refuses a key that is not one of this cache`, async ({ cache, keyspace, key }) => {
      const bad: unknown[] = [
        '',
        'a',
        keyspace,
        `${keyspace}x:a`,
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
      for (const each of bad) assertRefused(await call(cache, each as string))
    })

    suite.test(`${name}() never quotes the key in an error`, async ({ cache, keyspace }) => {
      const results = [await call(cache, 'hunter2'), await call(cache, `${keyspace}:hunter2\ud800`)]
      await cache.close()
      results.push(await call(cache, `${keyspace}:hunter2`))
      for (const result of results) assert.ok(!result.ok && !JSON.stringify(result).includes('hunter2'))
    })
  }

  for (const [name, call] of Object.entries(OPERATIONS)) {
    suite.test(`${name}() may be the first operation of a new cache`, async ({ cache, key }) => {
      const result = await call(cache, key('1'))
      assert.ok(result.ok, result.ok ? '' : result.error.message)
    })

    suite.test(`${name}() fails as closed, from the call of close() on`, async ({ cache, key }) => {
      await cache.set(key('1'), '1')
      const before = call(cache, key('1'))
      const closing = cache.close()
      const during = call(cache, key('1'))
      assert.ok((await before).ok, 'what was sent before close() is answered')
      assertClosed(await during, name)
      await closing
      assertClosed(await call(cache, key('1')), name)
    })
  }
}

function assertClosed(result: Result<unknown>, name: string): void {
  // A cache that cannot scan has nothing to say.
  if (name === 'scan' && result.ok && result.value === undefined) return
  assert.ok(!result.ok)
  assertFails(result, result.error.code, 'closed')
  assert.equal(result.error.details.operation, name)
}
