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
import { PortGuard, type PortGuardOptions } from '@dashtam/cache-protocol/adapter'
import type { Cluster, Redis, RedisOptions } from 'ioredis'
import { closeClient } from './close-client.ts'
import { Commands } from './commands.ts'
import { type CacheLogger, ConnectionMonitor, type ConnectionState } from './connection-monitor.ts'
import { increment } from './generated/lua.ts'
import { runScript } from './lua-script.ts'
import { ManyKeys } from './many-keys.ts'
import { isCluster } from './topology.ts'
import { WriteBatch } from './write-batch.ts'

export interface RedisAdapterOptions extends PortGuardOptions {
  /**
   * An ioredis client, made by `createRedisClient` or the app's own. A `keyPrefix` is refused: ioredis adds it to keys,
   * but not to patterns, so that `flush` would miss them.
   */
  readonly client: Redis | Cluster
  /** Close `client` with the cache. @defaultValue `false`: whoever made it closes it. */
  readonly closesClient?: boolean
  /**
   * How long an operation may wait for Redis, in milliseconds, at least 1. Of the operations on many keys each command
   * may take this long.
   * @defaultValue 250
   */
  readonly commandTimeoutMs?: number
  /** Told once of each change of state and kind of refusal. Never of a key, a value or a credential. */
  readonly logger?: CacheLogger
  /** Called with each change of state. Must not throw. */
  readonly onStateChange?: (state: ConnectionState) => void
}

const DEFAULT_COMMAND_TIMEOUT_MS = 250
const DONE: Ok<undefined> = Object.freeze(ok(undefined))

/**
 * The cache port on Redis: one multiplexed connection with auto-pipelining, standalone or cluster. Every operation is
 * answered within its deadline, whatever becomes of the server.
 */
export class RedisAdapter implements CacheProtocol {
  readonly #client: Redis | Cluster
  readonly #closesClient: boolean
  readonly #commandTimeoutMs: number
  readonly #guard: PortGuard
  readonly #monitor: ConnectionMonitor
  readonly #commands: Commands
  readonly #manyKeys: ManyKeys
  #closing: Promise<Result<void>> | undefined

  /** @throws TypeError when an option is out of its range, or `client` has a `keyPrefix`. */
  constructor({
    client,
    closesClient = false,
    commandTimeoutMs = DEFAULT_COMMAND_TIMEOUT_MS,
    logger,
    onStateChange,
    ...portOptions
  }: RedisAdapterOptions) {
    if (!Number.isSafeInteger(commandTimeoutMs) || commandTimeoutMs < 1) {
      throw new TypeError(`commandTimeoutMs must be an integer of at least 1, got ${String(commandTimeoutMs)}`)
    }
    const { enableOfflineQueue, autoResendUnfulfilledCommands, stringNumbers } = optionsOf(client)
    if (client.options.keyPrefix) throw new TypeError('client must have no keyPrefix; say it as `keyspace`')
    if (stringNumbers) throw new TypeError('client must not have stringNumbers: counts would come back as text')
    this.#guard = new PortGuard(portOptions)
    this.#client = client
    this.#closesClient = closesClient
    this.#commandTimeoutMs = commandTimeoutMs
    this.#monitor = new ConnectionMonitor({ client, logger, onStateChange })
    this.#commands = new Commands(this.#guard, this.#monitor, new WriteBatch(client), commandTimeoutMs)
    this.#manyKeys = new ManyKeys(client, this.#commands, this.#guard.keyspace)
    if (enableOfflineQueue || autoResendUnfulfilledCommands) {
      logger?.warn(
        { enableOfflineQueue, autoResendUnfulfilledCommands },
        "the cache's Redis client keeps or repeats commands of an outage: they land after it, on newer data"
      )
    }
  }

  /** How the connection is, and since when. */
  get state(): ConnectionState {
    return this.#monitor.state
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

  close(): Promise<Result<void>> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<Result<void>> {
    await this.#commands.close()
    this.#monitor.close()
    if (this.#closesClient) await closeClient(this.#client, this.#commandTimeoutMs)
    return DONE
  }

  #closedFor(operation: CacheOperation): Err<CacheError> | undefined {
    return this.#closing === undefined ? undefined : this.#guard.closed(operation)
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

/** Of a cluster those of its nodes. */
function optionsOf(client: Redis | Cluster): Partial<RedisOptions> {
  return isCluster(client) ? (client.options.redisOptions ?? {}) : client.options
}

const MISS = DONE
const YES: Ok<true> = Object.freeze({ ok: true, value: true })
const NO: Ok<false> = Object.freeze({ ok: true, value: false })

const done = () => DONE
const orMiss = (value: string | null): Ok<string | undefined> => (value === null ? MISS : ok(value))
const isOne = (count: number): Ok<boolean> => (count === 1 ? YES : NO)

/** PTTL's three cases: -2 no such key, -1 no expiry, else what is left. */
function toSeconds(remainingMs: number): Ok<number | undefined> {
  if (remainingMs === -2) return MISS
  return ok(remainingMs === -1 ? Infinity : remainingMs / 1_000)
}
