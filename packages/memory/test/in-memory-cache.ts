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

t.test('InMemoryCache stores every value that it accepts, up to half of its bytes', async t => {
  const cache = new InMemoryCache({ keyspace: 'k', maxBytes: 70_000, maxValueBytes: 35_000 })
  const value = 'x'.repeat(35_000)
  t.strictSame(await cache.set('k:a', value), ok(undefined))
  t.strictSame(await cache.get('k:a'), ok(value))
})

t.test('ttl() of what lives for less than a millisecond is not 0', async t => {
  let nowMs = 0
  const cache = new InMemoryCache({ keyspace: 'k', clock: () => nowMs })
  await cache.set('k:a', 'v', { ttlSeconds: 0.001 })
  nowMs = 0.9
  t.strictSame(await cache.ttl('k:a'), ok(0.001))
})

t.test('InMemoryCache names the family of a key in its errors when it was told how', async t => {
  const cache = new InMemoryCache({ keyspace: 'k', familyOf: key => key.split(':')[1], maxValueBytes: 10 })
  t.match(await cache.set('k:user:1', 'x'.repeat(11)), { error: { details: { operation: 'set', family: 'user' } } })
})
