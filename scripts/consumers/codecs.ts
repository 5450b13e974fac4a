import assert from 'node:assert/strict'
import { type Codec, createKeyRing, json, messagePack } from '@dashtam/cache-codecs'

export async function use(): Promise<void> {
  const encryption = createKeyRing({ current: 'a', keys: { a: new Uint8Array(32).fill(7) } })
  const codec: Codec<Map<string, Date>> = messagePack<Map<string, Date>>({ encryption })
  const baskets = new Map([['basket', new Date(0)]])
  const encoded = codec.encode(baskets, { key: 'shop:basket:1' })
  assert.ok(encoded.ok)
  assert.deepEqual(codec.decode(encoded.value, { key: 'shop:basket:1' }), { ok: true, value: baskets })
  assert.equal(codec.decode(encoded.value, { key: 'shop:basket:2' }).ok, false)
  // @ts-expect-error -- a codec of JSON values takes no Map
  assert.equal(json().encode(baskets, { key: 'shop:basket:1' }).ok, false)
}
