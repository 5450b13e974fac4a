import type { Result } from './result.ts'

/** Any value that JSON text stands for. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** How long what is stored lives. */
export interface LifetimeOptions {
  /**
   * Lifetime in seconds: above 0, at most `MAX_TTL_SECONDS`; fractions are rounded up to a millisecond.
   * Omit it for the cache's own default; `Infinity` never expires.
   */
  readonly ttlSeconds?: number
}

/**
 * The cache port: what an application needs from a cache, whatever stores it.
 *
 * - Every operation resolves to a `Result` and never rejects for a fault of the backend.
 * - A miss is `ok(undefined)`; it is never an error, and an error is never a miss.
 * - Keys are strings inside the cache's keyspace (`<keyspace>:…`). A key outside of it, one whose next character is
 *   `~` (reserved for the engine), one that is not well-formed Unicode or longer than `MAX_KEY_LENGTH` fails with
 *   `CACHE_INVALID_ARGUMENT`, as does every bad lifetime or amount; then nothing has been sent.
 * - After `close()` every operation fails with `reason: 'closed'`.
 * - Each failure's code names the operation (see `docs/reference/errors.md`); its `reason` is one of `connection`,
 *   `timeout`, `circuit_open`, `closed`, `server` or `wrong_type`.
 */
export interface CacheProtocol {
  /**
   * Reads the value of `key`.
   *
   * @returns the value, or `undefined` when there is none. Fails with `CACHE_GET_ERROR`; with `reason: 'wrong_type'`
   * when the key holds something that is not a string.
   */
  get(key: string): Promise<Result<string | undefined>>

  /**
   * Reads the value of `key` and parses it as JSON. The type is the caller's word: nothing checks it.
   *
   * @returns the parsed value, a fresh one for each call; `undefined` when there is none, `null` when JSON `null` is
   * stored. Fails with `CACHE_JSON_ERROR` when the text is not JSON (it stays stored), and as `get` does.
   */
  getJson<T = JsonValue>(key: string): Promise<Result<T | undefined>>

  /**
   * Stores `value` under `key`, replacing whatever is there and its lifetime.
   *
   * @returns `ok(undefined)` once stored. Fails with `CACHE_SET_ERROR`, with `CACHE_VALUE_TOO_LARGE`, or with
   * `CACHE_SERIALIZATION_ERROR` for a string that UTF-8 cannot carry (a lone surrogate).
   */
  set(key: string, value: string, options?: LifetimeOptions): Promise<Result<void>>

  /**
   * Stores `value` as JSON text. Only what JSON brings back exactly is accepted: `undefined`, functions, symbols,
   * `NaN`, `-0`, infinities, BigInts, dates, maps, sets, buffers, class instances, holes and cycles, at any depth, are
   * refused with `CACHE_SERIALIZATION_ERROR` instead of being changed on the way.
   *
   * @returns `ok(undefined)` once stored. Otherwise fails as `set` does.
   */
  setJson(key: string, value: NonNullable<unknown> | null, options?: LifetimeOptions): Promise<Result<void>>

  /**
   * Reads and deletes `key` in one step: of any number of concurrent callers exactly one gets the value. Made for
   * one-time tokens.
   *
   * @returns the value, or `undefined` when there is none. Fails with `CACHE_TAKE_ERROR`.
   */
  take(key: string): Promise<Result<string | undefined>>

  /**
   * Deletes `key`.
   *
   * @returns whether there was something to delete. Fails with `CACHE_DELETE_ERROR`.
   */
  delete(key: string): Promise<Result<boolean>>

  /**
   * Deletes all of `keys`; duplicates count once, an empty list is 0.
   *
   * @returns how many there were. Fails with `CACHE_DELETE_ERROR`, and `details.deleted` then counts what is known to
   * be gone.
   */
  deleteMany(keys: Iterable<string>): Promise<Result<number>>

  /**
   * Deletes every key that matches a glob, as Redis matches it: `*` any characters (`:` too), `?` one byte, `[abc]`,
   * `[^a]`, `[a-z]`, `\` makes the next character literal. The pattern begins with `<keyspace>:` spelled out. The
   * engine's own entries are passed over. A key that is written meanwhile may stay.
   *
   * @returns how many were deleted. Fails with `CACHE_DELETE_ERROR`, and `details.deleted` then counts what is gone.
   */
  deletePattern(pattern: string): Promise<Result<number>>

  /**
   * Tells whether `key` holds anything.
   *
   * @returns `true` or `false`. Fails with `CACHE_EXISTS_ERROR`.
   */
  exists(key: string): Promise<Result<boolean>>

  /**
   * Gives the existing `key` a new lifetime, counted from now.
   *
   * @param ttlSeconds - As in {@link LifetimeOptions}; `Infinity` removes the expiry.
   * @returns `false` when there is no such key. Fails with `CACHE_EXPIRE_ERROR`.
   */
  expire(key: string, ttlSeconds: number): Promise<Result<boolean>>

  /**
   * Tells how long `key` will live.
   *
   * @returns seconds, with millisecond fractions; `Infinity` when it never expires; `undefined` when there is no such
   * key. Fails with `CACHE_TTL_ERROR`.
   */
  ttl(key: string): Promise<Result<number | undefined>>

  /**
   * Adds `by` to the integer under `key` in one step; an absent key counts as 0.
   *
   * @param by - A safe integer, negative too. Default 1.
   * @param options - The lifetime that the key gets *if this call creates it*, in the same step; an existing key keeps
   * its own.
   * @returns the sum. Fails with `CACHE_INCREMENT_ERROR`; with `reason: 'wrong_type'` when what is stored is not an
   * integer, or the sum would not be a safe one. The counter then stays as it is.
   */
  increment(key: string, by?: number, options?: LifetimeOptions): Promise<Result<number>>

  /**
   * Subtracts `by` from the integer under `key`; otherwise exactly {@link CacheProtocol.increment}. Fails with
   * `CACHE_DECREMENT_ERROR`.
   */
  decrement(key: string, by?: number, options?: LifetimeOptions): Promise<Result<number>>

  /**
   * Reads many keys.
   *
   * @returns a `Map` with every key asked for, in the order of the first mention; `undefined` stands for a miss.
   * Fails as a whole with `CACHE_MGET_ERROR`.
   */
  getMany(keys: Iterable<string>): Promise<Result<Map<string, string | undefined>>>

  /**
   * Stores many entries with one lifetime. All are checked before the first is sent; of a repeated key the last value
   * counts. Stores all, or fails with `CACHE_MSET_ERROR`, and `details.stored` then counts what is known to be stored.
   */
  setMany(entries: Iterable<readonly [key: string, value: string]>, options?: LifetimeOptions): Promise<Result<void>>

  /**
   * Walks over the keys that match a glob (see {@link CacheProtocol.deletePattern}), for operators and tools, never for
   * a request. Keys that exist throughout come at least once; one written or deleted meanwhile may or may not.
   *
   * @returns keys, each as a success; after a failure (`CACHE_SCAN_ERROR`) nothing more comes.
   */
  scan?(pattern: string): AsyncIterable<Result<string>>

  /**
   * Deletes every key of this keyspace but the engine's own entries, and nobody else's keys.
   * Fails with `CACHE_FLUSH_ERROR`.
   */
  flush(): Promise<Result<void>>

  /**
   * Asks the backend whether it is there.
   *
   * @returns `ok(true)`. Fails with `CACHE_CONNECTION_ERROR` or `CACHE_TIMEOUT`.
   */
  ping(): Promise<Result<true>>

  /**
   * Stops accepting work, lets what is under way finish within the adapter's deadline, and releases what the cache
   * itself opened. Calling it again is harmless.
   */
  close(): Promise<Result<void>>
}
