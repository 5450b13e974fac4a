import { InMemoryCache } from '@dashtam/cache-memory'
import { ok } from '@dashtam/cache-protocol'
import t from 'tap'

t.test('InMemoryCache is bounded in entries and bytes, and says what it holds', async t => {
  const cache = new InMemoryCache({ keyspace: 'k', maxEntries: 2 })
  for (const key of ['k:a', 'k:b', 'k:c']) await cache.set(key, 'v')
  t.strictSame(await cache.get('k:a'), ok(undefined))
  t.match(cache.stats(), { entries: 2, evictions: 1, misses: 1, hits: 0 })
  const small = new InMemoryCache({ keyspace: 'k', maxBytes: 64 * 1024 })
  for (let index = 0; index < 100; index++) await small.set(`k:${index}`, 'x'.repeat(8_000))
  t.ok(small.stats().bytes <= 64 * 1024)
  t.match(await small.set('k:a', 'x'.repeat(8_193)), { error: { code: 'CACHE_VALUE_TOO_LARGE' } }, 'an eighth at most')
})

t.test('InMemoryCache refuses options that contradict each other', async t => {
  t.throws(
    () => new InMemoryCache({ keyspace: 'k', maxBytes: 65_535 }),
    /maxBytes must be an integer of at least 65536/
  )
  t.throws(
    () => new InMemoryCache({ keyspace: 'k', maxBytes: 70_000, maxValueBytes: 35_001 }),
    /at most half of maxBytes/
  )
  t.throws(() => new InMemoryCache({ keyspace: 'k', maxEntries: 0 }), /maxEntries/)
  t.throws(() => new InMemoryCache({ keyspace: 'a:b' }), /keyspace/)
  t.throws(() => new InMemoryCache({ keyspace: 'k', ttlSeconds: 0 }), /ttlSeconds/)
  t.throws(() => new InMemoryCache({ keyspace: 'k', maxValueBytes: 0 }), /maxValueBytes/)
})

t.test('InMemoryCache names the family of a key in its errors when it was told how', async t => {
  const cache = new InMemoryCache({ keyspace: 'k', familyOf: key => key.split(':')[1], maxValueBytes: 10 })
  t.match(await cache.set('k:user:1', 'x'.repeat(11)), { error: { details: { operation: 'set', family: 'user' } } })
})
