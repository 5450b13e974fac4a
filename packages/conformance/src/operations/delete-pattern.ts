import assert from 'node:assert/strict'
import { ok } from '@dashtam/cache-protocol'
import { assertHolds, assertRefused, unwrap } from '../assertions.ts'
import { HOSTILE_KEY_NAMES } from '../hostile.ts'
import type { Suite } from '../suite.ts'

/** A pattern behind the keyspace, what it matches of `NAMES`. */
const PATTERNS: readonly (readonly [pattern: string, matches: readonly string[]])[] = [
  ['user:*', ['user:', 'user:1', 'user:12', 'user:1:profile', 'user:é', 'user:^']],
  ['user:*1*', ['user:1', 'user:12', 'user:1:profile']],
  ['user:?', ['user:1', 'user:^']],
  ['user:??', ['user:12', 'user:é']],
  ['user:[0-1]', ['user:1']],
  ['user:[1-2]', ['user:1']],
  ['user:[9-0]', ['user:1']],
  ['user:[^2-9]', ['user:1', 'user:^']],
  ['user:[^1]', ['user:^']],
  ['user:[12]*', ['user:1', 'user:12', 'user:1:profile']],
  ['*:profile', ['user:1:profile']],
  ['t\\*', ['t*']],
  ['t*', ['t*', 'tX']],
  ['[\\]]', [']']],
  ['\\[x\\]', ['[x]']],
  ['exact', ['exact']],
  ['exac', []],
  ['', []]
]
const NAMES = [
  'user:',
  'user:1',
  'user:12',
  'user:1:profile',
  'user:é',
  'user:^',
  'users',
  't*',
  'tX',
  ']',
  '[x]',
  'exact'
]

export function deletePatternTests(suite: Suite): void {
  for (const [pattern, matches] of PATTERNS) {
    suite.test(`deletePattern() matches '${pattern}' as Redis does`, async ({ cache, key }) => {
      await cache.setMany(NAMES.map(name => [key(name), name] as const))
      assert.deepEqual(await cache.deletePattern(key(pattern)), ok(matches.length))
      for (const name of NAMES) await assertHolds(cache, key(name), matches.includes(name) ? undefined : name)
    })
  }

  suite.test('deletePattern() with an escaped id never touches other ids', async ({ cache, key }) => {
    await cache.setMany(HOSTILE_KEY_NAMES.map(name => [key(`id:${name}`), name] as const))
    for (const [index, name] of HOSTILE_KEY_NAMES.entries()) {
      const escaped = name.replace(/[*?[\]^\\-]/g, '\\$&')
      assert.deepEqual(await cache.deletePattern(key(`id:${escaped}`)), ok(1), JSON.stringify(name))
      const next = HOSTILE_KEY_NAMES[index + 1]
      if (next !== undefined) await assertHolds(cache, key(`id:${next}`), next)
    }
  })

  suite.test('deletePattern() walks over thousands of keys', async ({ cache, key }) => {
    await cache.setMany(
      Array.from({ length: 5_000 }, (_, index) => [key(`${index % 2 ? 'odd' : 'even'}:${index}`), 'v'] as const)
    )
    assert.deepEqual(await cache.deletePattern(key('odd:*')), ok(2_500))
    await assertHolds(cache, key('even:0'), 'v')
    assert.deepEqual(await cache.deletePattern(key('*')), ok(2_500))
  })

  suite.test(
    'deletePattern() refuses a pattern that could reach beyond the keyspace',
    async ({ cache, keyspace, key }) => {
      await cache.set(key('a'), '1')
      for (const pattern of [
        '*',
        '',
        keyspace,
        `${keyspace}*`,
        `${keyspace.slice(0, -1)}?:a`,
        `[c]${keyspace.slice(1)}:*`,
        7
      ]) {
        assertRefused(await cache.deletePattern(pattern as string))
      }
      await assertHolds(cache, key('a'), '1')
    }
  )

  suite.test('deletePattern() is not hung by a pattern made of stars', async ({ cache, key }) => {
    await cache.set(key('a'.repeat(200)), 'v')
    assert.equal(unwrap(await cache.deletePattern(key(`${'*a'.repeat(25)}b`))), 0)
  })

  suite.test('deletePattern() does not count what has expired', async ({ cache, key, advance }) => {
    await cache.set(key('short'), 'v', { ttlSeconds: 0.1 })
    await cache.set(key('long'), 'v')
    await advance(120)
    assert.deepEqual(await cache.deletePattern(key('*')), ok(1))
  })

  const { foreign } = suite
  if (foreign === undefined) return

  suite.test('deletePattern() passes over the entries of the engine', async ({ cache, key }) => {
    await foreign.setString(key('~:slot'), 'v')
    await cache.set(key('a'), 'v')
    assert.deepEqual(await cache.deletePattern(key('*')), ok(1))
    assert.ok(await foreign.exists(key('~:slot')))
  })

  suite.test('deletePattern() deletes what is not a string, too', async ({ cache, key }) => {
    await foreign.setOther(key('other'))
    assert.deepEqual(await cache.deletePattern(key('*')), ok(1))
    assert.ok(!(await foreign.exists(key('other'))))
  })
}
