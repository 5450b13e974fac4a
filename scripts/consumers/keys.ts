import assert from 'node:assert/strict'
import { type CacheKey, defineKeys } from '@dashtam/cache-keys'

export async function use(): Promise<void> {
  const keys = defineKeys({ prefix: 'shop' }, { basket: 'basket:{userId}' })
  const key: CacheKey = keys.basket({ userId: '4:2' })
  assert.equal(keys.familyOf(key), 'basket')
  assert.notEqual(key, 'shop:basket:4:2')
  // @ts-expect-error -- the template's parameters are part of the type
  assert.throws(() => keys.basket({ user: '42' }))
}
