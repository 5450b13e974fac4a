import type { CacheOperation, CacheProtocol, JsonValue, LifetimeOptions, Ok, Result } from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import { matchesGlob, PortGuard, type PortGuardOptions } from '@dashtam/cache-protocol/adapter'
import { BoundedStore, type BoundedStoreStats } from './bounded-store.ts'

export interface InMemoryCacheOptions extends PortGuardOptions {
  /** The most entries held; the least recently used leaves first. @defaultValue 10000 */
  readonly maxEntries?: number
  /**
   * The most bytes held: keys and values in UTF-8, and 200 for each entry. At least 64 KiB.
   * @defaultValue 64 MiB (67108864)
   */
  readonly maxBytes?: number
  /**
   * The largest value accepted, in bytes of UTF-8, at most half of `maxBytes`.
   * @defaultValue an eighth of `maxBytes`, at most 8 MiB
   */
  readonly maxValueBytes?: number
  /**
   * Milliseconds that never go backwards.
   * @defaultValue `performance.now`, looked at once per turn of the event loop and every 32 readings
   */
  readonly clock?: () => number
}

const DEFAULT_MAX_ENTRIES = 10_000
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024
const SMALLEST_MAX_BYTES = 64 * 1024
const LARGEST_DEFAULT_VALUE_BYTES = 8 * 1024 * 1024

/** What V8 and the store need beside the characters of key and value; measured at 10,000 entries, rounded up. */
const ENTRY_OVERHEAD_BYTES = 200

const DONE: Ok<undefined> = Object.freeze(ok(undefined))
const MISS: Promise<Ok<undefined>> = Promise.resolve(DONE)
/** Redis' own notion of an integer (string2ll in util.c): no spaces, no plus, no leading zero, no `-0`. */
const INTEGER = /^(?:0|-?[1-9][0-9]*)$/

/**
 * The cache port in the memory of this process. Always bounded, in entries and in bytes. Nothing is shared with other
 * processes and nothing outlives this one: for tests, development and single-process services.
 */
export class InMemoryCache implements CacheProtocol {
  readonly #guard: PortGuard
  readonly #store: BoundedStore<string>
  #isClosed = false

  /** @throws TypeError when an option is out of its range. */
  constructor({
    maxEntries = DEFAULT_MAX_ENTRIES,
    maxBytes = DEFAULT_MAX_BYTES,
    maxValueBytes = Math.min(LARGEST_DEFAULT_VALUE_BYTES, Math.floor(maxBytes / 8)),
    clock,
    ...portOptions
  }: InMemoryCacheOptions) {
    // So that any accepted key and value fit: the store below never refuses what the port has accepted.
    if (!Number.isSafeInteger(maxBytes) || maxBytes < SMALLEST_MAX_BYTES) {
      throw new TypeError(
        `maxBytes must be an integer of at least ${SMALLEST_MAX_BYTES} (64 KiB), got ${String(maxBytes)}`
      )
    }
    if (maxValueBytes > maxBytes / 2) {
      throw new TypeError(`maxValueBytes must be at most half of maxBytes (${maxBytes}), got ${String(maxValueBytes)}`)
    }
    this.#store = new BoundedStore({
      maxEntries,
      maxBytes,
      maxEntryBytes: maxBytes,
      weigh: (value, key) => Buffer.byteLength(value) + Buffer.byteLength(key) + ENTRY_OVERHEAD_BYTES,
      ...(clock && { clock })
    })
    this.#guard = new PortGuard({ ...portOptions, maxValueBytes })
  }

  get(key: string): Promise<Result<string | undefined>> {
    // Nothing gets into the store unchecked, and close() empties it: a hit needs no further look.
    const value = this.#store.get(key)
    if (value !== undefined) return Promise.resolve(ok(value))
    const refused = this.#refuses('get', key)
    return refused === undefined ? MISS : Promise.resolve(refused)
  }

  getJson<T = JsonValue>(key: string): Promise<Result<T | undefined>> {
    const read = this.#refuses('getJson', key) ?? ok(this.#store.get(key))
    return Promise.resolve(this.#guard.fromJson<T>(key, read))
  }

  set(key: string, value: string, options?: LifetimeOptions): Promise<Result<void>> {
    return Promise.resolve(this.#set('set', key, value, options))
  }

  setJson(key: string, value: NonNullable<unknown> | null, options?: LifetimeOptions): Promise<Result<void>> {
    const refused = this.#refuses('setJson', key)
    if (refused !== undefined) return Promise.resolve(refused)
    const text = this.#guard.toJson(key, value)
    return Promise.resolve(text.ok ? this.#set('setJson', key, text.value, options) : text)
  }

  take(key: string): Promise<Result<string | undefined>> {
    const refused = this.#refuses('take', key)
    if (refused !== undefined) return Promise.resolve(refused)
    const value = this.#store.get(key)
    this.#store.delete(key)
    return Promise.resolve(ok(value))
  }

  delete(key: string): Promise<Result<boolean>> {
    return Promise.resolve(this.#refuses('delete', key) ?? ok(this.#store.delete(key)))
  }

  deleteMany(keys: Iterable<string>): Promise<Result<number>> {
    const all = [...keys]
    const refused = this.#closedFor('deleteMany') ?? this.#guard.keys('deleteMany', all)
    return Promise.resolve(refused ?? ok(this.#deleteAll(all)))
  }

  deletePattern(pattern: string): Promise<Result<number>> {
    const refused = this.#closedFor('deletePattern') ?? this.#guard.pattern('deletePattern', pattern)
    return Promise.resolve(refused ?? ok(this.#deleteAll(this.#matching(pattern))))
  }

  exists(key: string): Promise<Result<boolean>> {
    return Promise.resolve(this.#refuses('exists', key) ?? ok(this.#store.peek(key) !== undefined))
  }

  expire(key: string, ttlSeconds: number): Promise<Result<boolean>> {
    const refused = this.#refuses('expire', key)
    if (refused !== undefined) return Promise.resolve(refused)
    const ttlMs = this.#guard.explicitTtlMs('expire', ttlSeconds)
    return Promise.resolve(ttlMs.ok ? ok(this.#store.expire(key, ttlMs.value)) : ttlMs)
  }

  ttl(key: string): Promise<Result<number | undefined>> {
    const refused = this.#refuses('ttl', key)
    if (refused !== undefined) return Promise.resolve(refused)
    const remainingMs = this.#store.remainingMs(key)
    return Promise.resolve(ok(remainingMs === undefined ? undefined : Math.ceil(remainingMs) / 1_000))
  }

  increment(key: string, by = 1, options?: LifetimeOptions): Promise<Result<number>> {
    return Promise.resolve(this.#add('increment', key, by, 1n, options))
  }

  decrement(key: string, by = 1, options?: LifetimeOptions): Promise<Result<number>> {
    return Promise.resolve(this.#add('decrement', key, by, -1n, options))
  }

  getMany(keys: Iterable<string>): Promise<Result<Map<string, string | undefined>>> {
    const all = [...keys]
    const refused = this.#closedFor('getMany') ?? this.#guard.keys('getMany', all)
    return Promise.resolve(refused ?? ok(new Map(all.map(key => [key, this.#store.get(key)] as const))))
  }

  setMany(entries: Iterable<readonly [key: string, value: string]>, options?: LifetimeOptions): Promise<Result<void>> {
    const all = new Map(entries)
    const ttlMs = this.#guard.ttlMs('setMany', options)
    const refused = this.#closedFor('setMany') ?? this.#guard.entries('setMany', all)
    if (refused !== undefined) return Promise.resolve(refused)
    if (!ttlMs.ok) return Promise.resolve(ttlMs)
    for (const [key, value] of all) this.#store.set(key, value, ttlMs.value)
    return Promise.resolve(DONE)
  }

  async *scan(pattern: string): AsyncIterable<Result<string>> {
    const refused = this.#closedFor('scan') ?? this.#guard.pattern('scan', pattern)
    if (refused !== undefined) yield refused
    else for (const key of this.#matching(pattern)) yield ok(key)
  }

  flush(): Promise<Result<void>> {
    const refused = this.#closedFor('flush')
    if (refused !== undefined) return Promise.resolve(refused)
    this.#store.clear()
    return Promise.resolve(DONE)
  }

  ping(): Promise<Result<true>> {
    return Promise.resolve(this.#closedFor('ping') ?? ok(true))
  }

  close(): Promise<Result<void>> {
    this.#isClosed = true
    this.#store.clear()
    return Promise.resolve(DONE)
  }

  /** What the store beneath holds and has done: entries, bytes, hits, misses, evictions, expirations, refusals. */
  stats(): BoundedStoreStats {
    return this.#store.stats()
  }

  #closedFor(operation: CacheOperation) {
    return this.#isClosed ? this.#guard.closed(operation) : undefined
  }

  #refuses(operation: CacheOperation, key: string) {
    return this.#closedFor(operation) ?? this.#guard.key(operation, key)
  }

  #set(operation: 'set' | 'setJson', key: string, value: string, options: LifetimeOptions | undefined): Result<void> {
    const refused = this.#refuses(operation, key) ?? this.#guard.value(operation, key, value)
    if (refused !== undefined) return refused
    const ttlMs = this.#guard.ttlMs(operation, options)
    if (!ttlMs.ok) return ttlMs
    this.#store.set(key, value, ttlMs.value)
    return DONE
  }

  #add(
    operation: 'increment' | 'decrement',
    key: string,
    by: number,
    sign: bigint,
    options: LifetimeOptions | undefined
  ): Result<number> {
    const refused = this.#refuses(operation, key) ?? this.#guard.amount(operation, by)
    if (refused !== undefined) return refused
    const ttlMs = this.#guard.ttlMs(operation, options)
    if (!ttlMs.ok) return ttlMs
    const current = this.#store.get(key)
    const sum = INTEGER.test(current ?? '0') ? Number(BigInt(current ?? '0') + sign * BigInt(by)) : Number.NaN
    if (!Number.isSafeInteger(sum)) return this.#guard.notAnInteger(operation, key)
    this.#store.set(key, String(sum), this.#store.remainingMs(key) ?? ttlMs.value)
    return ok(sum)
  }

  #deleteAll(keys: readonly string[]): number {
    let deleted = 0
    for (const key of keys) if (this.#store.delete(key)) deleted++
    return deleted
  }

  #matching(pattern: string): string[] {
    return this.#store.keys().filter(key => matchesGlob(pattern, key))
  }
}
