import type { Err, Ok, Result } from './result.ts'

/**
 * `eventual`: what this process has in memory, which follows every change within the coherence lag (a few milliseconds;
 * at most the heartbeat when the network fails). `strong`: nothing that was loaded before an invalidation that has been
 * acknowledged, anywhere, before the call; it costs one round trip, shared by everybody who waits.
 */
export type Consistency = 'eventual' | 'strong'

/**
 * What is done when the cache cannot answer. `open`: the source is asked. `closed`: reads and writes are refused with a
 * `CacheUnavailableError`. `stale`: the source is asked, and if the loader fails, the last value that this process knew is
 * served, expired or invalidated as it may be; never to a strong read.
 */
export type FailurePolicy = 'open' | 'closed' | 'stale'

/**
 * Where the values of a family live: in the memory of each process and in the shared store, or in one of them alone.
 * With `memory` the store holds an entry without the value, so that leases, tags and invalidation work as for any other.
 */
export type Placement = 'both' | 'shared' | 'memory'

/** `T`, with every property at every depth read-only: values that readers share are frozen. */
export type DeepReadonly<T> = T extends (...args: never[]) => unknown
  ? T
  : T extends ReadonlyMap<infer K, infer V>
    ? ReadonlyMap<DeepReadonly<K>, DeepReadonly<V>>
    : T extends ReadonlySet<infer V>
      ? ReadonlySet<DeepReadonly<V>>
      : T extends Date | ArrayBuffer | ArrayBufferView
        ? T
        : T extends object
          ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
          : T

/** What a loader is told beside its parameters. */
export interface LoadContext {
  /** Aborted when nobody waits for the value any more, and when the loader's time is over. */
  readonly signal: AbortSignal
}

export interface ReadOptions {
  /** @defaultValue that of the family */
  readonly consistency?: Consistency
  /**
   * When it is aborted the call rejects with its reason. The load goes on while others wait for it, and is aborted with
   * its last waiter.
   */
  readonly signal?: AbortSignal
}

/** How a read was served. */
export interface Served<V> {
  readonly value: DeepReadonly<V>
  /**
   * `hit`: from the cache, fresh. `stale`: from the cache, expired, while it is refreshed or since it could not be.
   * `miss`: loaded by this call. `collapsed`: loaded by another call that was under way.
   */
  readonly status: 'hit' | 'stale' | 'miss' | 'collapsed'
  /** Where a `hit` or `stale` value was found. */
  readonly tier?: 'memory' | 'shared'
}

/** What is cached, when nobody is to be asked to load it. */
export type Lookup<V> =
  | {
      readonly kind: 'hit' | 'stale'
      readonly value: DeepReadonly<V>
      readonly tier: 'memory' | 'shared'
      /** Seconds since its load began. */
      readonly ageSeconds: number
    }
  | { readonly kind: 'miss' }

/** What is known about a cached value, for operators. */
export interface CacheEntry<V = unknown> {
  readonly key: string
  /** `undefined` when the family is sensitive, or when its values are kept in the memory of another process only. */
  readonly value: DeepReadonly<V> | undefined
  readonly tier: 'memory' | 'shared'
  /** Size of the encoded value in bytes. */
  readonly sizeBytes: number
  /** When its load began, in milliseconds since 1970. */
  readonly createdAtMs: number
  /** Until when it is fresh, in milliseconds since 1970; `Infinity` when it never expires. */
  readonly freshUntilMs: number
  /** How long it will still be kept, in seconds, stale time included; `Infinity` when it never expires. */
  readonly ttlSeconds: number
  /** Whether its tags and the whole cache are as they were when it was loaded. */
  readonly isCurrent: boolean
}

export interface MutateOptions<V> {
  /** The value to be cached when the write has succeeded. Without it the entry is removed, and the next read loads. */
  readonly value?: V
  /** Tags that the write changes: what depends on them is invalid with it. */
  readonly tags?: readonly string[]
}

/** What a `mutate` comes to. */
export interface Mutated<T> {
  /** What `write` returned. */
  readonly value: T
  /**
   * `ok` when the invalidation is acknowledged: no strong read sees the value from before. Otherwise
   * `CACHE_INVALIDATE_ERROR`, and with `reason: 'pending'` it is kept, retried and delivered.
   */
  readonly invalidation: Result<void>
}

export interface WarmOptions {
  /** How many are loaded at a time, an integer of at least 1. @defaultValue 8 */
  readonly concurrency?: number
  /** Called after each; what it throws stops the warming. */
  readonly onProgress?: (progress: WarmProgress) => void
  /** Stops it; what is under way is still finished. */
  readonly signal?: AbortSignal
}

export interface WarmProgress {
  /** How many have been looked at. */
  readonly done: number
  /** How many of those were in the cache already, expired ones included. */
  readonly hits: number
  /** How many could not be loaded. */
  readonly failed: number
}

/**
 * One use of the cache: how its keys are built, how a value is loaded, how long it lives.
 *
 * `get`, `getMany` and `read` resolve to values and reject only with the loader's own error, `LoadTimeoutError`, the reason
 * of an aborted signal, or, under the policy `closed`, `CacheUnavailableError`. Everything else resolves to a `Result`.
 * Mistakes reject with a `TypeError`: parameters of which no key can be made, a key outside of the keyspace, a loader that
 * answers `undefined`.
 *
 * A value that readers share is deeply frozen. One that cannot be frozen, because it holds a Date, a Map, a Set or bytes,
 * is decoded anew for each reader.
 */
export interface CacheFamily<P, V> {
  /** The name in metrics. */
  readonly name: string

  /** Reads through: memory, shared store, loader. */
  get(params: P, options?: ReadOptions): Promise<DeepReadonly<V>>

  /** As `get`, and tells how it was served. */
  read(params: P, options?: ReadOptions): Promise<Served<V>>

  /**
   * Reads many, in the order of `params`; what is missing is loaded in one call of `loadMany`, or of `load` each. Rejects
   * when one of them does.
   */
  getMany(params: readonly P[], options?: ReadOptions): Promise<DeepReadonly<V>[]>

  /**
   * Looks without loading. Fails with `CACHE_GET_ERROR`; its reason is `pending` while the store has still to be told of
   * an invalidation by this process.
   */
  lookup(params: P, options?: Pick<ReadOptions, 'consistency'>): Promise<Result<Lookup<V>>>

  /**
   * Stores a copy of `value`, as a write of it alone: other processes see it within the coherence lag. For values that the
   * source already has; to change the source use `mutate`. Of two writes that meet neither value is stored.
   *
   * Fails with `CACHE_SERIALIZATION_ERROR` (also for `undefined`), `CACHE_VALUE_TOO_LARGE` or `CACHE_INVALID_ARGUMENT`, and
   * nothing has happened; or with `CACHE_INVALIDATE_ERROR`, as `invalidate` does, and the old value is gone.
   */
  set(params: P, value: V): Promise<Result<void>>

  /**
   * Closes the slot, runs `write`, and opens the slot again: whatever becomes of this process in between, no value from
   * before the write survives it.
   *
   * Rejects with what `write` threw, and the old value is gone all the same; under the policy `closed` with
   * `CacheUnavailableError` before `write` is called, when the slot cannot be closed.
   */
  mutate<T>(params: P, write: () => T | Promise<T>, options?: MutateOptions<V>): Promise<Mutated<T>>

  /**
   * Removes the entries, of one set of parameters or of many. To be awaited after the change has been committed; if the
   * process dies in between, the old value lives on until it expires (`mutate` has no such gap).
   *
   * @returns ok when it is acknowledged; otherwise `CACHE_INVALIDATE_ERROR`, and with `reason: 'pending'` it is kept,
   * retried and delivered (if this process dies first, it takes effect only by expiry). `CACHE_INVALID_ARGUMENT` when one
   * of the keys is outside of the keyspace: then none is removed.
   */
  invalidate(params: P | readonly P[]): Promise<Result<void>>

  /** What is known about the cached value; `undefined` when there is none. Fails as `lookup` does. */
  inspect(params: P): Promise<Result<CacheEntry<V> | undefined>>

  /**
   * Loads what is not cached yet, of as many `params` as there are; what could not be loaded is counted.
   *
   * Rejects only with what `params` or `onProgress` throw, and with a `TypeError` for a concurrency that is none.
   */
  warm(params: Iterable<P> | AsyncIterable<P>, options?: WarmOptions): Promise<WarmProgress>
}

/** The keys of a family: what `defineKeys` makes, or any function that never gives two parameter sets one key. */
export interface FamilyKeys<P> {
  (params: P): string
  /** The name of the family. */
  readonly family: string
  /** The lifetime that the registry states. */
  readonly ttlSeconds?: number | undefined
}

/** Values to bytes and back: what `@dashtam/cache-codecs` makes. */
export interface ValueCodec<V> {
  encode(
    value: V,
    context: { readonly key: string }
  ): Result<Uint8Array, { readonly code: string; readonly message: string }>
  /**
   * Decodes to a fresh value. With `freezes` it freezes it deeply, if that keeps it from being changed, and says so: then
   * the readers in one process share it, and otherwise it is decoded for each of them.
   */
  decode(
    bytes: Uint8Array,
    context: { readonly key: string; readonly freezes?: boolean }
  ): (Ok<V> & { readonly isFrozen?: boolean }) | Err<{ readonly reason: string }>
}

/** How a family behaves. */
export interface FamilyOptions<P, V> {
  /**
   * Loads a value from the source. `null` is a value, `undefined` a `TypeError`. It must read committed, current data:
   * what it reads from a lagging replica may be older than the invalidation that it follows (see `holdSeconds`).
   */
  readonly load: (params: P, context: LoadContext) => V | Promise<V>
  /** Loads many at once, in the order of `params`. @defaultValue `load` for each */
  readonly loadMany?: (params: readonly P[], context: LoadContext) => readonly V[] | Promise<readonly V[]>
  /**
   * How long a value is fresh, in seconds, above 0 and at most 1e12; or what the value itself says. `Infinity` never
   * expires. A function that answers 0 keeps the value out of the cache, and so does one that answers nonsense: that is
   * warned about once.
   * @defaultValue that of the key's definition, else that of the engine
   */
  readonly ttlSeconds?: number | ((value: V, params: P) => number)
  /** How long `null` is fresh, in seconds; 0 keeps it out of the cache. @defaultValue as any other value */
  readonly nullTtlSeconds?: number
  /**
   * How long an expired value may still be served, in seconds, 0 to 1e12, while one process refreshes it, and if that
   * fails. Each read that is served one tries again, once at a time for the fleet.
   * @defaultValue 0
   */
  readonly staleSeconds?: number
  /**
   * The share of its lifetime after which a value that is read is refreshed in the background, above 0 and at most 1.
   * @defaultValue 1: when it has expired, if it may be served stale
   */
  readonly refreshAfter?: number
  /** By how much a lifetime may be shortened at random, as a share of it, 0 to 1. @defaultValue 0.1 */
  readonly jitter?: number
  /**
   * The tags that an entry depends on: of the parameters, not of the value, since they are captured before the load.
   * @defaultValue none
   */
  readonly tags?: (params: P) => readonly string[]
  /**
   * A value that it does not take is handed to the readers, and not cached: that is warned about once.
   * @defaultValue JSON, not compressed: no Date, Map, Set, bytes, bigint or `undefined`
   */
  readonly codec?: ValueCodec<V>
  /** @defaultValue `'both'` */
  readonly placement?: Placement
  /** @defaultValue `'open'` */
  readonly policy?: FailurePolicy
  /** What a read is when the call does not say. @defaultValue `'eventual'` */
  readonly consistency?: Consistency
  /** How long a reader of a stale value waits for the new one, in milliseconds. @defaultValue 0: it gets the stale one */
  readonly softTimeoutMs?: number
  /**
   * After so long the load is aborted and its readers get a `LoadTimeoutError`, in milliseconds, 1 to 2147483647.
   * @defaultValue 30000
   */
  readonly hardTimeoutMs?: number
  /**
   * How long after an invalidation nothing may be cached, in seconds, 0 to 2147483: at least the lag of the replicas that
   * the loader reads from. It follows `invalidate` and `mutate`, not `invalidateTags` and `clear`.
   * @defaultValue 0
   */
  readonly holdSeconds?: number
  /**
   * Its values are never shown by `inspect`. What keeps them out of the store is `placement`, or a codec that encrypts.
   * @defaultValue `false`
   */
  readonly isSensitive?: boolean
}

/** For {@link ReadThrough.getOrLoad}: what a family would say, for one key. */
export interface GetOrLoadOptions<V> extends Omit<FamilyOptions<string, V>, 'load' | 'loadMany' | 'tags'>, ReadOptions {
  readonly tags?: readonly string[]
}

/** The parameters of keys; of keys without any nothing, so that `get()` needs no argument. */
// biome-ignore lint/suspicious/noConfusingVoidType: a parameter of type void may be left out, one of undefined may not
export type ParamsOrNone<P> = [unknown] extends [P] ? P & void : P

/** The read-through cache: what `@dashtam/cache-tiered` makes, and what a domain package is handed. */
export interface ReadThrough {
  /**
   * Defines a family. Its parameters are those of its key and those of its tags together.
   *
   * @throws TypeError when an option is out of its range, or when there is a family of that name already.
   */
  family<P, V, T extends P = ParamsOrNone<P>>(keys: FamilyKeys<P>, options: FamilyOptions<T, V>): CacheFamily<T, V>

  /**
   * Reads `key` through, as a family of its own would: for a use that is not worth one. All of them are one family in
   * metrics. What is to be invalidated needs a tag. Rejects as {@link CacheFamily.get} does, and with a `TypeError` for an
   * option that is out of its range.
   */
  getOrLoad<V>(
    key: string,
    load: (context: LoadContext) => V | Promise<V>,
    options?: GetOrLoadOptions<V>
  ): Promise<DeepReadonly<V>>

  /**
   * Invalidates everything that depends on one of `tags`, with one command however much that is.
   *
   * @returns as {@link CacheFamily.invalidate} does.
   */
  invalidateTags(tags: readonly string[]): Promise<Result<void>>

  /** Invalidates everything. @returns as {@link CacheFamily.invalidate} does. */
  clear(): Promise<Result<void>>

  /**
   * Delivers what invalidations are owed, stops what runs in the background, and lets go of the feed. Loads and writes that
   * are under way go on; await writes first, since their slots are not kept closed any more. Later reads go to the store,
   * which is its owner's to close, and then to the source.
   *
   * @returns `CACHE_INVALIDATE_ERROR` when something could not be delivered, which then takes effect only by expiry.
   */
  close(): Promise<Result<void>>
}
