import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import type { CacheError, CacheErrorCode, CacheErrorReason, CacheProtocol, Result } from '@dashtam/cache-protocol'

/** Asserts a success and hands out its value. */
export function unwrap<T>(result: Result<T>): T {
  if (!result.ok) assert.fail(`expected a success, got ${result.error.code}: ${result.error.message}`)
  return result.value
}

/** Asserts a failure with this code and reason, `undefined` standing for "no reason", and hands out the error. */
export function assertFails(result: Result<unknown>, code: CacheErrorCode, reason?: CacheErrorReason): CacheError {
  if (result.ok) assert.fail(`expected ${code}, got a success`)
  assert.deepEqual({ code: result.error.code, reason: result.error.reason }, { code, reason })
  assert.ok(result.error.message.length > 0, 'an error has a message')
  return result.error
}

/** Asserts that a call was refused before anything was sent, and hands out the error. */
export function assertRefused(result: Result<unknown>): CacheError {
  return assertFails(result, 'CACHE_INVALID_ARGUMENT')
}

/** Asserts that a logger that is given the whole error writes nothing of `secret`. */
export function assertDoesNotQuote(result: Result<unknown>, secret: string): void {
  if (result.ok) assert.fail('expected a failure, got a success')
  const logged = inspect(result.error, { depth: Infinity, showHidden: true })
  assert.ok(!logged.includes(secret), `the error quotes what was given: ${logged}`)
}

/** Asserts that `key` holds `expected`; `undefined` stands for a miss. */
export async function assertHolds(cache: CacheProtocol, key: string, expected: string | undefined): Promise<void> {
  assert.equal(unwrap(await cache.get(key)), expected)
}

/** Rounding up may add so much. */
const MILLISECOND = 0.001

/** Asserts that `key` was given this lifetime just now, or two seconds ago on a machine that is busy. */
export async function assertLives(cache: CacheProtocol, key: string, seconds: number): Promise<void> {
  const left = unwrap(await cache.ttl(key)) ?? 0
  assert.ok(left <= seconds + MILLISECOND && left > seconds - 2, `expected some ${seconds} s, got ${left}`)
}
