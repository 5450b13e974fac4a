import assert from 'node:assert/strict'
import { type CacheProtocol, ok, type Result } from '@dashtam/cache-protocol'

/** Writes part of an adapter against the published types. */
export async function use(): Promise<void> {
  const entries = new Map([['a', '1']])
  const adapter: Pick<CacheProtocol, 'get'> = { get: async key => ok(entries.get(key)) }
  const found: Result<string | undefined> = await adapter.get('a')
  assert.deepEqual(found, { ok: true, value: '1' })
}
