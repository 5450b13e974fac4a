import assert from 'node:assert/strict'
import { assertRefused, unwrap } from '../assertions.ts'
import { HOSTILE_KEY_NAMES } from '../hostile.ts'
import type { Subject, Suite } from '../suite.ts'

export function scanTests(suite: Suite): void {
  suite.test('scan() yields every matching key, and none that does not match', async subject => {
    const { cache, key } = subject
    if (cache.scan === undefined) return
    const keys = [
      ...HOSTILE_KEY_NAMES.map(name => key(`s:${name}`)),
      ...Array.from({ length: 3_000 }, (_, i) => key(`s:n${i}`))
    ]
    await cache.setMany([...keys, key('other')].map(each => [each, 'v'] as const))
    assert.deepEqual(new Set(await scanned(subject, 's:*')), new Set(keys))
  })

  suite.test('scan() may be left early', async ({ cache, key }) => {
    if (cache.scan === undefined) return
    await cache.setMany(Array.from({ length: 10 }, (_, index) => [key(`k${index}`), 'v'] as const))
    for await (const first of cache.scan(key('*'))) {
      assert.ok(unwrap(first).startsWith(key('k')))
      break
    }
  })

  suite.test('scan() yields one failure for a pattern outside of the keyspace', async ({ cache }) => {
    if (cache.scan === undefined) return
    const results = []
    for await (const result of cache.scan('*')) results.push(result)
    assert.equal(results.length, 1)
    for (const result of results) assertRefused(result)
  })

  const { foreign } = suite
  if (foreign === undefined) return

  suite.test('scan() passes over the entries of the engine', async subject => {
    if (subject.cache.scan === undefined) return
    await foreign.setString(subject.key('~:slot'), 'v')
    await subject.cache.set(subject.key('a'), 'v')
    assert.deepEqual(await scanned(subject, '*'), [subject.key('a')])
  })
}

async function scanned({ cache, key }: Subject, pattern: string): Promise<string[]> {
  const keys: string[] = []
  for await (const result of cache.scan?.(key(pattern)) ?? []) keys.push(unwrap(result))
  return keys
}
