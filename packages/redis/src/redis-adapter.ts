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
import type { Cluster, Redis } from 'ioredis'
import { closeClient } from './close-client.ts'
import { Commands } from './commands.ts'
import { type CacheLogger, ConnectionMonitor, type ConnectionState } from './connection-monitor.ts'
import { increment } from './generated/lua.ts'
import { runScript } from './lua-script.ts'
import { BATCH_SIZE, batchesOf, mastersOf } from './topology.ts'

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
    if (client.options.keyPrefix) throw new TypeError('client must have no keyPrefix; say it as `keyspace`')
    this.#guard = new PortGuard(portOptions)
    this.#client = client
    this.#closesClient = closesClient
    this.#commandTimeoutMs = commandTimeoutMs
    this.#monitor = new ConnectionMonitor({ client, logger, onStateChange })
    this.#commands = new Commands(this.#guard, this.#monitor, commandTimeoutMs)
    if (client.options.enableOfflineQueue) {
      logger?.warn(
        {},
        "the cache's Redis client has its offline queue on: writes of an outage land after it, on newer data"
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

  async take(key: string): Promise<Result<string | undefined>> {
    const refused = this.#refuses('take', key)
    if (refused !== undefined) return refused
    return orMiss(await this.#commands.run('take', key, () => this.#client.getdel(key)))
  }

  async delete(key: string): Promise<Result<boolean>> {
    const refused = this.#refuses('delete', key)
    if (refused !== undefined) return refused
    return isOne(await this.#commands.run('delete', key, () => this.#client.unlink(key)))
  }

  async deleteMany(keys: Iterable<string>): Promise<Result<number>> {
    const all = [...new Set(keys)]
    const refused = this.#closedFor('deleteMany') ?? this.#guard.keys('deleteMany', all)
    return refused ?? this.#unlink('deleteMany', all)
  }

  async deletePattern(pattern: string): Promise<Result<number>> {
    const refused = this.#closedFor('deletePattern') ?? this.#guard.pattern('deletePattern', pattern)
    return refused ?? this.#unlinkMatching('deletePattern', pattern)
  }

  async exists(key: string): Promise<Result<boolean>> {
    const refused = this.#refuses('exists', key)
    if (refused !== undefined) return refused
    return isOne(await this.#commands.run('exists', key, () => this.#client.exists(key)))
  }

  async expire(key: string, ttlSeconds: number): Promise<Result<boolean>> {
    const refused = this.#refuses('expire', key)
    if (refused !== undefined) return refused
    const ttlMs = this.#guard.explicitTtlMs('expire', ttlSeconds)
    if (!ttlMs.ok) return ttlMs
    if (ttlMs.value !== Infinity) {
      return isOne(await this.#commands.run('expire', key, () => this.#client.pexpire(key, ttlMs.value)))
    }
    const persisted = isOne(await this.#commands.run('expire', key, () => this.#client.persist(key)))
    // PERSIST answers 0 as well for a key that had no expiry.
    if (!persisted.ok || persisted.value) return persisted
    return isOne(await this.#commands.run('expire', key, () => this.#client.exists(key)))
  }

  async ttl(key: string): Promise<Result<number | undefined>> {
    const refused = this.#refuses('ttl', key)
    if (refused !== undefined) return refused
    const remaining = await this.#commands.run('ttl', key, () => this.#client.pttl(key))
    return remaining.ok ? ok(secondsOf(remaining.value)) : remaining
  }

  increment(key: string, by = 1, options?: LifetimeOptions): Promise<Result<number>> {
    return this.#add('increment', key, by, 1, options)
  }

  decrement(key: string, by = 1, options?: LifetimeOptions): Promise<Result<number>> {
    return this.#add('decrement', key, by, -1, options)
  }

  async getMany(keys: Iterable<string>): Promise<Result<Map<string, string | undefined>>> {
    const found = new Map<string, string | undefined>()
    for (const key of keys) found.set(key, undefined)
    const all = [...found.keys()]
    const refused = this.#closedFor('getMany') ?? this.#guard.keys('getMany', all)
    if (refused !== undefined) return refused
    const reads = batchesOf(this.#client, all).map(batch => this.#readBatch(batch, found))
    for (const read of await Promise.all(reads)) if (!read.ok) return read
    return ok(found)
  }

  async setMany(
    entries: Iterable<readonly [key: string, value: string]>,
    options?: LifetimeOptions
  ): Promise<Result<void>> {
    const all = new Map(entries)
    const refused = this.#closedFor('setMany') ?? this.#guard.entries('setMany', all)
    if (refused !== undefined) return refused
    const ttlMs = this.#guard.ttlMs('setMany', options)
    if (!ttlMs.ok) return ttlMs
    let stored = 0
    for (const batch of batchesOf(this.#client, [...all.keys()])) {
      const written = await this.#writeBatch(batch, all, ttlMs.value)
      stored += written.stored
      if (written.failure !== undefined) return withDetails(written.failure, { stored })
    }
    return DONE
  }

  async *scan(pattern: string): AsyncGenerator<Result<string>, void, undefined> {
    const refused = this.#closedFor('scan') ?? this.#guard.pattern('scan', pattern)
    if (refused !== undefined) {
      yield refused
      return
    }
    for await (const page of this.#pages('scan', pattern)) {
      if (!page.ok) yield page
      else for (const key of page.value) yield ok(key)
    }
  }

  async flush(): Promise<Result<void>> {
    const refused = this.#closedFor('flush')
    if (refused !== undefined) return refused
    const deleted = await this.#unlinkMatching('flush', `${this.#guard.keyspace.prefix}*`)
    return deleted.ok ? DONE : deleted
  }

  async ping(): Promise<Result<true>> {
    const refused = this.#closedFor('ping')
    if (refused !== undefined) return refused
    const answer = await this.#commands.run('ping', undefined, () => this.#client.ping())
    return answer.ok ? ok(true) : answer
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

  async #read(operation: CacheOperation, key: string): Promise<Result<string | undefined>> {
    return orMiss(await this.#commands.run(operation, key, () => this.#client.get(key)))
  }

  async #set(
    operation: 'set' | 'setJson',
    key: string,
    value: string,
    options: LifetimeOptions | undefined
  ): Promise<Result<void>> {
    const refused = this.#refuses(operation, key) ?? this.#guard.value(operation, key, value)
    if (refused !== undefined) return refused
    const ttlMs = this.#guard.ttlMs(operation, options)
    if (!ttlMs.ok) return ttlMs
    const stored = await this.#commands.run(operation, key, () =>
      ttlMs.value === Infinity ? this.#client.set(key, value) : this.#client.set(key, value, 'PX', ttlMs.value)
    )
    return stored.ok ? DONE : stored
  }

  async #add(
    operation: 'increment' | 'decrement',
    key: string,
    by: number,
    sign: 1 | -1,
    options: LifetimeOptions | undefined
  ): Promise<Result<number>> {
    const refused = this.#refuses(operation, key) ?? this.#guard.amount(operation, by)
    if (refused !== undefined) return refused
    const ttlMs = this.#guard.ttlMs(operation, options)
    if (!ttlMs.ok) return ttlMs
    const lifetime = ttlMs.value === Infinity ? '' : ttlMs.value
    const sum = await this.#commands.run(operation, key, () =>
      runScript(this.#client, increment, [key, by * sign, lifetime])
    )
    return sum.ok ? ok(Number(sum.value)) : sum
  }

  async #readBatch(keys: readonly string[], found: Map<string, string | undefined>): Promise<Result<unknown>> {
    const values = await this.#commands.run('getMany', undefined, () => this.#client.mget(keys as string[]))
    if (!values.ok) return values
    const missing: string[] = []
    for (const [index, key] of keys.entries()) {
      const value = values.value[index]
      if (typeof value === 'string') found.set(key, value)
      else missing.push(key)
    }
    return missing.length === 0 ? values : this.#assertAbsent(missing)
  }

  /** MGET calls what is not a string a miss. One EXISTS tells; only if there is such a key is each looked at. */
  async #assertAbsent(keys: readonly string[]): Promise<Result<unknown>> {
    const existing = await this.#commands.run('getMany', undefined, () => this.#client.exists(...keys))
    if (!existing.ok || existing.value === 0) return existing
    // Written meanwhile, or of another type: STRLEN tells them apart as GET would, without the value.
    const checks = keys.map(key => this.#commands.run('getMany', key, () => this.#client.strlen(key)))
    return (await Promise.all(checks)).find(check => !check.ok) ?? existing
  }

  async #writeBatch(
    keys: readonly string[],
    entries: ReadonlyMap<string, string>,
    ttlMs: number
  ): Promise<{ stored: number; failure?: Err<CacheError> }> {
    const pipeline = this.#client.pipeline()
    for (const key of keys) {
      const value = entries.get(key) ?? ''
      if (ttlMs === Infinity) pipeline.set(key, value)
      else pipeline.set(key, value, 'PX', ttlMs)
    }
    let stored = 0
    // A pipeline resolves although rows of it failed, so each row is looked at; the first failure stands for all.
    const written = await this.#commands.run('setMany', undefined, async () => {
      const rows = (await pipeline.exec()) ?? []
      const failed = rows.find(([error]) => error !== null)
      stored = rows.filter(([error]) => error === null).length
      if (failed !== undefined) throw failed[0]
    })
    return written.ok ? { stored } : { stored, failure: written }
  }

  async #unlink(operation: CacheOperation, keys: readonly string[]): Promise<Result<number>> {
    const batches = batchesOf(this.#client, keys)
    const results = await Promise.all(
      batches.map(batch => this.#commands.run(operation, undefined, () => this.#client.unlink(...batch)))
    )
    let deleted = 0
    let failure: Err<CacheError> | undefined
    for (const result of results) {
      if (result.ok) deleted += result.value
      else failure ??= result
    }
    return failure === undefined ? ok(deleted) : withDetails(failure, { deleted })
  }

  async #unlinkMatching(operation: 'deletePattern' | 'flush', pattern: string): Promise<Result<number>> {
    let deleted = 0
    for await (const page of this.#pages(operation, pattern)) {
      const unlinked = page.ok ? await this.#unlink(operation, page.value) : page
      if (!unlinked.ok) return withDetails(unlinked, { deleted: deleted + (unlinked.error.details.deleted ?? 0) })
      deleted += unlinked.value
    }
    return ok(deleted)
  }

  /** The keys that match, page by page over every master; the engine's own are left out. */
  async *#pages(operation: CacheOperation, pattern: string): AsyncGenerator<Result<string[]>, void, undefined> {
    const masters = await this.#commands.run(operation, undefined, async () => mastersOf(this.#client))
    if (!masters.ok) return yield masters
    for (const master of masters.value) {
      let cursor = '0'
      do {
        const page = await this.#commands.run(operation, undefined, () =>
          master.scan(cursor, 'MATCH', pattern, 'COUNT', BATCH_SIZE)
        )
        if (!page.ok) return yield page
        // A string on purpose: a cursor has 64 bits.
        cursor = page.value[0]
        const keys = page.value[1].filter(key => !this.#guard.keyspace.isEngineKey(key))
        if (keys.length > 0) yield ok(keys)
      } while (cursor !== '0')
    }
  }
}

function orMiss(read: Result<string | null>): Result<string | undefined> {
  return read.ok && read.value === null ? ok(undefined) : (read as Result<string>)
}

function isOne(answer: Result<number>): Result<boolean> {
  return answer.ok ? ok(answer.value === 1) : answer
}

/** PTTL's three cases: -2 no such key, -1 no expiry, else what is left. */
function secondsOf(remainingMs: number): number | undefined {
  if (remainingMs === -2) return undefined
  return remainingMs === -1 ? Infinity : remainingMs / 1_000
}

function withDetails({ error }: Err<CacheError>, counts: { stored?: number; deleted?: number }): Err<CacheError> {
  return { ok: false, error: { ...error, details: { ...error.details, ...counts } } }
}
