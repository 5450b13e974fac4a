import assert from 'node:assert/strict'
import type { CacheProtocol, Result } from '@dashtam/cache-protocol'
import { assertRefused, unwrap } from '../assertions.ts'
import { HOSTILE_KEY_NAMES } from '../hostile.ts'
import type { Subject, Suite } from '../suite.ts'

export function scanTests(suite: Suite): void {
  if (!suite.supportsScan) return

  suite.test('scan() yields every matching key, and none that does not match', async subject => {
    const { cache, key } = subject
    const keys = [
      ...HOSTILE_KEY_NAMES.map(name => key(`s:${name}`)),
      ...Array.from({ length: 3_000 }, (_, i) => key(`s:n${i}`))
    ]
    await cache.setMany([...keys, key('other')].map(each => [each, 'v'] as const))
    assert.deepEqual(new Set(await scanned(subject, 's:*')), new Set(keys))
  })

  suite.test('scan() may be left early', async ({ cache, key }) => {
    await cache.setMany(Array.from({ length: 10 }, (_, index) => [key(`k${index}`), 'v'] as const))
    for await (const first of scan(cache, key('*'))) {
      assert.ok(unwrap(first).startsWith(key('k')))
      break
    }
  })

  suite.test('scan() yields one failure for a pattern outside of the keyspace', async ({ cache, key }) => {
    await cache.set(key('a'), 'v')
    const results = []
    for await (const result of scan(cache, '*')) results.push(result)
    assert.equal(results.length, 1)
    for (const result of results) assertRefused(result)
  })

  suite.test('scan() does not yield what has expired', async subject => {
    const { cache, key, advance } = subject
    await cache.set(key('short'), 'v', { ttlSeconds: 0.1 })
    await cache.set(key('long'), 'v')
    await advance(120)
    assert.deepEqual(await scanned(subject, '*'), [key('long')])
  })

  const { foreign } = suite
  if (foreign === undefined) return

  suite.test('scan() passes over the entries of the engine', async subject => {
    await foreign.setString(subject.key('~:slot'), 'v')
    await subject.cache.set(subject.key('a'), 'v')
    assert.deepEqual(await scanned(subject, '*'), [subject.key('a')])
  })
}

async function scanned({ cache, key }: Subject, pattern: string): Promise<string[]> {
  const keys: string[] = []
  for await (const result of scan(cache, key(pattern))) keys.push(unwrap(result))
  return keys
}

/** The walk of a cache that is said to have one. */
export function scan(cache: CacheProtocol, pattern: string): AsyncIterable<Result<string>> {
  const walk = cache.scan?.(pattern)
  return walk ?? assert.fail('the cache has no scan(); if that is meant to be so, say `supports: { scan: false }`')
}
