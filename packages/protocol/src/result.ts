import type { CacheError } from './errors.ts'

/** The successful half of a {@link Result}. */
export interface Ok<T> {
  readonly ok: true
  readonly value: T
}

/** The failed half of a {@link Result}. */
export interface Err<E> {
  readonly ok: false
  readonly error: E
}

/**
 * What an operation that can fail for the cache's sake resolves to: a value, or the reason why there is none.
 *
 * A plain object, so it survives `structuredClone`, JSON and two copies of this package in one process.
 * Branch on `ok`; never on the truthiness of `value`, because `0`, `''`, `false` and `null` are values.
 */
export type Result<T, E = CacheError> = Ok<T> | Err<E>

/** Wraps a value as a success. */
export function ok<T>(value: T): Ok<T> {
  return { ok: true, value }
}

/** Wraps an error as a failure. */
export function err<E>(error: E): Err<E> {
  return { ok: false, error }
}
