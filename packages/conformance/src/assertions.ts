import assert from 'node:assert/strict'
import type { CacheErrorCode, CacheErrorReason, CacheProtocol, Result } from '@dashtam/cache-protocol'

/** Asserts a success and hands out its value. */
export function unwrap<T>(result: Result<T>): T {
  if (!result.ok) assert.fail(`expected a success, got ${result.error.code}: ${result.error.message}`)
  return result.value
}

/** Asserts a failure with this code and reason; `undefined` stands for "no reason". */
export function assertFails(result: Result<unknown>, code: CacheErrorCode, reason?: CacheErrorReason): void {
  if (result.ok) assert.fail(`expected ${code}, got a success`)
  assert.deepEqual({ code: result.error.code, reason: result.error.reason }, { code, reason })
  assert.ok(result.error.message.length > 0, 'an error has a message')
}

/** Asserts that a call was refused before anything was sent. */
export function assertRefused(result: Result<unknown>): void {
  assertFails(result, 'CACHE_INVALID_ARGUMENT')
}

/** Asserts that `key` holds `expected`; `undefined` stands for a miss. */
export async function assertHolds(cache: CacheProtocol, key: string, expected: string | undefined): Promise<void> {
  assert.equal(unwrap(await cache.get(key)), expected)
}
