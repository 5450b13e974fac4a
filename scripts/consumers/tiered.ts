import assert from 'node:assert/strict'
import { createReadThrough, LoadTimeoutError } from '@dashtam/cache-tiered'

export async function use(): Promise<void> {
  const cache = createReadThrough({ keyspace: 'shop', memory: { maxEntries: 100 } })
  const keys = Object.assign(({ id }: { id: number }) => `shop:basket:${id}`, { family: 'basket' })
  let loads = 0
  const baskets = cache.family(keys, {
    ttlSeconds: 60,
    hardTimeoutMs: 1_000,
    load: ({ id }) => ({ id, load: ++loads })
  })
  assert.deepEqual(await baskets.getMany([{ id: 1 }, { id: 1 }]), [
    { id: 1, load: 1 },
    { id: 1, load: 1 }
  ])
  assert.equal((await baskets.mutate({ id: 1 }, () => 'written')).value, 'written')
  assert.deepEqual(await baskets.get({ id: 1 }), { id: 1, load: 2 })
  const never = cache.getOrLoad('shop:never', () => new Promise<number>(() => {}), { hardTimeoutMs: 10 })
  await assert.rejects(never, LoadTimeoutError)
  assert.deepEqual(await cache.close(), { ok: true, value: undefined })
}
