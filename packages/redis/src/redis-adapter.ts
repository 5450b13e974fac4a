import type {
  CacheError,
  CacheOperation,
  CacheProtocol,
  Err,
  JsonValue,
  LifetimeOptions,
  Ok,
  Result
} from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import { DONE, done, isOne, YES } from './answers.ts'
import type { ConnectionState } from './connection-monitor.ts'
import { FeedKeys } from './feed/feed-keys.ts'
import { RedisInvalidationFeed, type RedisInvalidationFeedOptions } from './feed/invalidation-feed.ts'
import { RedisFencedStore, type RedisFencedStoreOptions } from './fenced-store/redis-fenced-store.ts'
import { increment } from './generated/lua.ts'
import { runScript } from './lua-script.ts'
import { ManyKeys } from './many-keys.ts'
import { RedisConnection, type RedisConnectionOptions } from './redis-connection.ts'
import { RedisMemberIndex } from './redis-member-index.ts'
import { RedisTokenBucket } from './redis-token-bucket.ts'

export type RedisAdapterOptions = RedisConnectionOptions

/** What the read-through engine runs on. The store closes with its adapter, the feed with the engine. */
export interface RedisBackend {
  readonly store: RedisFencedStore
  readonly feed: RedisInvalidationFeed
}

/**
 * The cache port on Redis: one multiplexed connection with auto-pipelining, standalone or cluster. Every operation is
 * answered within its deadline, whatever becomes of the server.
 */
export class RedisAdapter implements CacheProtocol {
  readonly #connection: RedisConnection
  readonly #client: RedisConnection['client']
  readonly #guard: RedisConnection['guard']
  readonly #commands: RedisConnection['commands']
  readonly #manyKeys: ManyKeys

  /** @throws TypeError when an option is out of its range, or `client` has a `keyPrefix`. */
  constructor(options: RedisAdapterOptions) {
    const connection = new RedisConnection(options)
    this.#connection = connection
    this.#client = connection.client
    this.#guard = connection.guard
    this.#commands = connection.commands
    this.#manyKeys = new ManyKeys(connection.client, connection.commands, connection.guard.keyspace)
  }

  /** How the connection is, and since when. */
  get state(): ConnectionState {
    return this.#connection.monitor.state
  }

  /**
   * The slots and generations of the read-through engine, over this connection. It closes with the adapter. Its slots
   * are out of reach for the port.
   */
  fencedStore(options?: RedisFencedStoreOptions): RedisFencedStore {
    return new RedisFencedStore(this.#connection, options)
  }

  /** Members under owners, over this connection, under keys of the port. */
  memberIndex(): RedisMemberIndex {
    return new RedisMemberIndex(this.#connection)
  }

  /** Buckets of tokens, over this connection, under keys of the port. */
  tokenBucket(): RedisTokenBucket {
    return new RedisTokenBucket(this.#connection)
  }

  /**
   * The fenced store and the feed of its changes, for `createReadThrough`. Where the server does not tell of changes
   * itself the store publishes them, also as long as it is not known what the server does.
   *
   * @throws TypeError when an option is out of its range.
   */
  readThroughBackend({ heartbeatMs }: Pick<RedisInvalidationFeedOptions, 'heartbeatMs'> = {}): RedisBackend {
    const { client, guard, commandTimeoutMs, logger } = this.#connection
    const { channel } = new FeedKeys(guard.keyspace)
    const feed = new RedisInvalidationFeed({
      client,
      keyspace: guard.keyspace.name,
      barrierTimeoutMs: commandTimeoutMs,
      onModeChange: mode => {
        store.channel = mode === 'pubsub' ? channel : undefined
      },
      ...(heartbeatMs !== undefined && { heartbeatMs }),
      ...(logger && { logger })
    })
    const store = this.fencedStore()
    store.channel = channel
    return { store, feed }
  }

  get(key: string): Promise<Result<string | undefined>> {
    const refused = this.#refuses('get', key)
    if (refused !== undefined) return Promise.resolve(refused)
    return this.#read('get', key)
  }

  async getJson<T = JsonValue>(key: string): Promise<Result<T | undefined>> {
    const refused = this.#refuses('getJson', key)
    return this.#guard.fromJson<T>(key, refused ?? (await this.#read('getJson', key)))
  }

  set(key: string, value: string, options?: LifetimeOptions): Promise<Result<void>> {
    return this.#set('set', key, value, options)
  }

  setJson(key: string, value: NonNullable<unknown> | null, options?: LifetimeOptions): Promise<Result<void>> {
    const refused = this.#refuses('setJson', key)
    if (refused !== undefined) return Promise.resolve(refused)
    const text = this.#guard.toJson(key, value)
    return text.ok ? this.#set('setJson', key, text.value, options) : Promise.resolve(text)
  }

  take(key: string): Promise<Result<string | undefined>> {
    const refused = this.#refuses('take', key)
    if (refused !== undefined) return Promise.resolve(refused)
    return this.#commands.run('take', key, () => this.#client.getdel(key), orMiss)
  }

  delete(key: string): Promise<Result<boolean>> {
    const refused = this.#refuses('delete', key)
    if (refused !== undefined) return Promise.resolve(refused)
    return this.#commands.run('delete', key, () => this.#client.unlink(key), isOne)
  }

  async deleteMany(keys: Iterable<string>): Promise<Result<number>> {
    const all = [...new Set(keys)]
    const refused = this.#closedFor('deleteMany') ?? this.#guard.keys('deleteMany', all)
    return refused ?? this.#manyKeys.unlink('deleteMany', all)
  }

  async deletePattern(pattern: string): Promise<Result<number>> {
    const refused = this.#closedFor('deletePattern') ?? this.#guard.pattern('deletePattern', pattern)
    return refused ?? this.#manyKeys.unlinkMatching('deletePattern', pattern)
  }

  exists(key: string): Promise<Result<boolean>> {
    const refused = this.#refuses('exists', key)
    if (refused !== undefined) return Promise.resolve(refused)
    return this.#commands.run('exists', key, () => this.#client.exists(key), isOne)
  }

  async expire(key: string, ttlSeconds: number): Promise<Result<boolean>> {
    const refused = this.#refuses('expire', key)
    if (refused !== undefined) return refused
    const ttlMs = this.#guard.explicitTtlMs('expire', ttlSeconds)
    if (!ttlMs.ok) return ttlMs
    if (ttlMs.value !== Infinity) {
      return this.#commands.run('expire', key, () => this.#client.pexpire(key, ttlMs.value), isOne)
    }
    const persisted = await this.#commands.run('expire', key, () => this.#client.persist(key), isOne)
    // PERSIST answers 0 as well for a key that had no expiry.
    if (!persisted.ok || persisted.value) return persisted
    return this.#commands.run('expire', key, () => this.#client.exists(key), isOne)
  }

  ttl(key: string): Promise<Result<number | undefined>> {
    const refused = this.#refuses('ttl', key)
    if (refused !== undefined) return Promise.resolve(refused)
    return this.#commands.run('ttl', key, () => this.#client.pttl(key), toSeconds)
  }

  increment(key: string, by = 1, options?: LifetimeOptions): Promise<Result<number>> {
    return this.#add('increment', key, by, 1, options)
  }

  decrement(key: string, by = 1, options?: LifetimeOptions): Promise<Result<number>> {
    return this.#add('decrement', key, by, -1, options)
  }

  async getMany(keys: Iterable<string>): Promise<Result<Map<string, string | undefined>>> {
    const all = [...keys]
    const refused = this.#closedFor('getMany') ?? this.#guard.keys('getMany', all)
    if (refused !== undefined) return refused
    return this.#manyKeys.read(all)
  }

  async setMany(
    entries: Iterable<readonly [key: string, value: string]>,
    options?: LifetimeOptions
  ): Promise<Result<void>> {
    const all = [...entries]
    const refused = this.#closedFor('setMany') ?? this.#guard.entries('setMany', all)
    if (refused !== undefined) return refused
    const ttlMs = this.#guard.ttlMs('setMany', options)
    if (!ttlMs.ok) return ttlMs
    const stored = await this.#manyKeys.write(all, ttlMs.value)
    return stored.ok ? DONE : stored
  }

  async *scan(pattern: string): AsyncGenerator<Result<string>, void, undefined> {
    const refused = this.#closedFor('scan') ?? this.#guard.pattern('scan', pattern)
    if (refused !== undefined) {
      yield refused
      return
    }
    for await (const page of this.#manyKeys.pages('scan', pattern)) {
      if (!page.ok) yield page
      else for (const key of page.value) yield ok(key)
    }
  }

  async flush(): Promise<Result<void>> {
    const refused = this.#closedFor('flush')
    if (refused !== undefined) return refused
    const deleted = await this.#manyKeys.unlinkMatching('flush', `${this.#guard.keyspace.prefix}*`)
    return deleted.ok ? DONE : deleted
  }

  ping(): Promise<Result<true>> {
    const refused = this.#closedFor('ping')
    if (refused !== undefined) return Promise.resolve(refused)
    return this.#commands.run(
      'ping',
      undefined,
      () => this.#client.ping(),
      () => YES
    )
  }

  async close(): Promise<Result<void>> {
    await this.#connection.close()
    return DONE
  }

  #closedFor(operation: CacheOperation): Err<CacheError> | undefined {
    return this.#connection.closedFor(operation)
  }

  #refuses(operation: CacheOperation, key: string): Err<CacheError> | undefined {
    return this.#closedFor(operation) ?? this.#guard.key(operation, key)
  }

  #read(operation: CacheOperation, key: string): Promise<Result<string | undefined>> {
    return this.#commands.run(operation, key, () => this.#client.get(key), orMiss)
  }

  #set(
    operation: 'set' | 'setJson',
    key: string,
    value: string,
    options: LifetimeOptions | undefined
  ): Promise<Result<void>> {
    const refused = this.#refuses(operation, key) ?? this.#guard.value(operation, key, value)
    if (refused !== undefined) return Promise.resolve(refused)
    const ttlMs = this.#guard.ttlMs(operation, options)
    if (!ttlMs.ok) return Promise.resolve(ttlMs)
    const send = () =>
      ttlMs.value === Infinity ? this.#client.set(key, value) : this.#client.set(key, value, 'PX', ttlMs.value)
    return this.#commands.run(operation, key, send, done)
  }

  #add(
    operation: 'increment' | 'decrement',
    key: string,
    by: number,
    sign: 1 | -1,
    options: LifetimeOptions | undefined
  ): Promise<Result<number>> {
    const refused = this.#refuses(operation, key) ?? this.#guard.amount(operation, by)
    if (refused !== undefined) return Promise.resolve(refused)
    const ttlMs = this.#guard.ttlMs(operation, options)
    if (!ttlMs.ok) return Promise.resolve(ttlMs)
    const lifetime = ttlMs.value === Infinity ? '' : ttlMs.value
    const send = () => runScript(this.#client, increment, [key, by * sign, lifetime])
    return this.#commands.run(operation, key, send, sum => ok(Number(sum)))
  }
}

const MISS = DONE

const orMiss = (value: string | null): Ok<string | undefined> => (value === null ? MISS : ok(value))

/** PTTL's three cases: -2 no such key, -1 no expiry, else what is left. */
function toSeconds(remainingMs: number): Ok<number | undefined> {
  if (remainingMs === -2) return MISS
  return ok(remainingMs === -1 ? Infinity : remainingMs / 1_000)
}
