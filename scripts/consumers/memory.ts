import assert from 'node:assert/strict'
import { BoundedStore, InMemoryCache } from '@dashtam/cache-memory'

export async function use(): Promise<void> {
  const cache = new InMemoryCache({ keyspace: 'shop', maxEntries: 100, ttlSeconds: 60 })
  assert.deepEqual(await cache.setJson('shop:basket:1', { apples: 2 }), { ok: true, value: undefined })
  assert.deepEqual(await cache.getJson<{ apples: number }>('shop:basket:1'), { ok: true, value: { apples: 2 } })
  await cache.close()

  const store = new BoundedStore<number>({ maxEntries: 1, maxBytes: 100, weigh: () => 8 })
  store.set('a', 1, Infinity)
  store.set('b', 2, Infinity)
  assert.equal(store.get('a'), undefined)
}
