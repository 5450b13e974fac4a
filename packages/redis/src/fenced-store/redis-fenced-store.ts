import type {
  CacheError,
  Err,
  FencedStore,
  Generation,
  Ok,
  Result,
  ServerChange,
  Slot,
  SlotEntry,
  SlotStamp,
  StoreOperation
} from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import { type FencedArguments, problemOfFencedArguments, randomId } from '@dashtam/cache-protocol/adapter'
import { DONE, done, isOne } from '../answers.ts'
import {
  acquireLease,
  beginWrite,
  deleteEqual,
  endWrite,
  fillSlot,
  invalidateSlot,
  refreshSlot,
  renewLease,
  renewWrite,
  storeWrite,
  takeClaim
} from '../generated/lua.ts'
import type { RedisConnection } from '../redis-connection.ts'
import type { ServerWatch } from '../server-watch.ts'
import { each } from './each.ts'
import { Generations } from './generations.ts'
import { encodeEntry, encodeLease } from './slot-layout.ts'
import { SlotReader } from './slot-reader.ts'
import { StoreScripts } from './store-scripts.ts'

/** For tests: what is random and what passes becomes what the test says. */
export interface RedisFencedStoreOptions {
  /** Makes the ids of slots and generations, 22 characters of base64url. @defaultValue 128 random bits */
  readonly createId?: () => string
  /**
   * Decides, in milliseconds, whether the writers of a slot or a generation are past their deadlines. Leases, entries
   * and claims expire by the server's clock all the same. @defaultValue the server's clock
   */
  readonly clock?: () => number
}

/**
 * The fenced store on Redis. Slots are the keys `<keyspace>:~s:…`, generations `<keyspace>:~g:…`, and claims, which are of
 * no interest to others, `<keyspace>:~c:…`; the hash tag of a key stays in effect. Each transition is one script.
 *
 * Keys of another type, and bytes that no store has written, count as entries.
 */
export class RedisFencedStore implements FencedStore {
  readonly #connection: RedisConnection
  readonly #watch: ServerWatch
  readonly #scripts: StoreScripts
  readonly #reader: SlotReader
  readonly #generations: Generations
  readonly #createId: () => string
  readonly #prefixLength: number
  readonly #slotPrefix: string
  readonly #claimPrefix: string

  constructor(connection: RedisConnection, { createId = randomId, clock }: RedisFencedStoreOptions = {}) {
    const { prefix } = connection.guard.keyspace
    const { watch, commands } = connection.watched()
    this.#connection = connection
    this.#watch = watch
    this.#createId = createId
    this.#prefixLength = prefix.length
    this.#slotPrefix = `${prefix}~s:`
    this.#claimPrefix = `${prefix}~c:`
    this.#scripts = new StoreScripts(connection, commands, clock)
    this.#reader = new SlotReader(connection.client, commands, key => this.#slotOf(key), clock)
    this.#generations = new Generations(connection, this.#scripts, `${prefix}~g:`, createId)
  }

  /**
   * Where the key in Redis of each slot and generation that this store changes is published, for servers that do not
   * tell of changes themselves. @defaultValue `undefined`: nowhere
   */
  get channel(): string | undefined {
    return this.#scripts.channel
  }

  set channel(channel: string | undefined) {
    this.#scripts.channel = channel
  }

  get isReachable(): boolean {
    return this.#watch.isThrough && !this.#connection.isClosing
  }

  onServerChange(listener: (change: ServerChange) => void): void {
    this.#watch.onChange(listener)
  }

  read(key: string, options?: { readonly lifetime?: boolean }): Promise<Result<Slot>> {
    const refused = this.#connection.closedFor('readSlot') ?? this.#connection.guard.key('readSlot', key)
    if (refused !== undefined) return Promise.resolve(refused)
    return options?.lifetime === true ? this.#reader.readWithLifetime(key) : this.#reader.read(key)
  }

  async readMany(keys: readonly string[]): Promise<Result<readonly Slot[]>> {
    return this.#refuses('readSlot', keys) ?? each(keys, key => this.#reader.readWithLifetime(key))
  }

  async identify(key: string): Promise<Result<SlotStamp>> {
    return this.#refuses('readSlot', [key]) ?? this.#reader.identify(key)
  }

  async acquire(key: string, token: string, durationMs: number, unlessId = ''): Promise<Result<Slot>> {
    const refused = this.#refuses('lease', [key], { token, durationMs })
    if (refused !== undefined) return refused
    const given = [this.#slotOf(key), encodeLease(token), durationMs, unlessId, this.#scripts.now, this.#scripts.target]
    return this.#scripts.runForBytes('lease', key, acquireLease, given, (reply): Ok<Slot> => {
      if (reply === null) return ok({ kind: 'lease', id: token, remainingMs: durationMs })
      const [value, pttl] = reply as [Buffer, number]
      return ok(this.#reader.decode(value, pttl))
    })
  }

  async renew(key: string, token: string, durationMs: number): Promise<Result<boolean>> {
    const refused = this.#refuses('lease', [key], { token, durationMs })
    if (refused !== undefined) return refused
    const given = [this.#slotOf(key), encodeLease(token), durationMs]
    return this.#scripts.run('lease', key, renewLease, given, isOne)
  }

  async release(key: string, token: string): Promise<Result<boolean>> {
    const refused = this.#refuses('lease', [key], { token })
    if (refused !== undefined) return refused
    const given = [this.#slotOf(key), encodeLease(token), this.#scripts.target]
    return this.#scripts.run('lease', key, deleteEqual, given, isOne)
  }

  async fill(key: string, token: string, entry: SlotEntry): Promise<Result<boolean>> {
    const refused = this.#refuses('fill', [key], { token, entry })
    if (refused !== undefined) return refused
    const given = [this.#slotOf(key), encodeLease(token), encodeEntry(entry), lifetimeOf(entry), this.#scripts.target]
    return this.#scripts.run('fill', key, fillSlot, given, isOne)
  }

  async refresh(key: string, id: string, entry: SlotEntry): Promise<Result<boolean>> {
    const refused = this.#refuses('fill', [key], { entry })
    if (refused !== undefined) return refused
    const given = [this.#slotOf(key), id, encodeEntry(entry), lifetimeOf(entry), this.#scripts.target]
    return this.#scripts.run('fill', key, refreshSlot, given, isOne)
  }

  async claim(key: string, token: string, durationMs: number): Promise<Result<boolean>> {
    const refused = this.#refuses('lease', [key], { token, durationMs })
    if (refused !== undefined) return refused
    return this.#scripts.run('lease', key, takeClaim, [this.#claimOf(key), token, durationMs], isOne)
  }

  async unclaim(key: string, token: string): Promise<Result<boolean>> {
    const refused = this.#refuses('lease', [key], { token })
    if (refused !== undefined) return refused
    return this.#scripts.run('lease', key, deleteEqual, [this.#claimOf(key), token, ''], isOne)
  }

  async invalidate(keys: readonly string[], { holdMs }: { readonly holdMs?: number } = {}): Promise<Result<void>> {
    const refused = this.#refuses('invalidate', keys, { holdMs })
    if (refused !== undefined) return refused
    const { now, target } = this.#scripts
    const invalidated = await each(keys, key => {
      const given = [this.#slotOf(key), this.#createId(), holdMs ?? '', now, target]
      return this.#scripts.run('invalidate', key, invalidateSlot, given, done)
    })
    return invalidated.ok ? DONE : invalidated
  }

  async beginWrite(key: string, token: string, durationMs: number): Promise<Result<void>> {
    const refused = this.#refuses('write', [key], { token, durationMs })
    if (refused !== undefined) return refused
    const { now, target } = this.#scripts
    const given = [this.#slotOf(key), token, durationMs, this.#createId(), now, target]
    return this.#scripts.run('write', key, beginWrite, given, done)
  }

  async renewWrite(key: string, token: string, durationMs: number): Promise<Result<boolean>> {
    const refused = this.#refuses('write', [key], { token, durationMs })
    if (refused !== undefined) return refused
    const given = [this.#slotOf(key), token, durationMs, this.#scripts.now]
    return this.#scripts.run('write', key, renewWrite, given, isOne)
  }

  async endWrite(
    key: string,
    token: string,
    { entry, holdMs }: { readonly entry?: SlotEntry; readonly holdMs?: number } = {}
  ): Promise<Result<boolean>> {
    const refused = this.#refuses('write', [key], { token, entry, holdMs })
    if (refused !== undefined) return refused
    const id = this.#createId()
    if (entry !== undefined) {
      const stored = await this.#storeWrite(key, token, id, entry)
      if (stored.ok || !isOutOfMemory(stored.error)) return stored
    }
    const { now, target } = this.#scripts
    return this.#scripts.run('write', key, endWrite, [this.#slotOf(key), token, id, holdMs ?? '', now, target], isOne)
  }

  readGenerations(names: readonly string[]): Promise<Result<readonly Generation[]>> {
    return this.#generations.read(names)
  }

  bumpGenerations(names: readonly string[]): Promise<Result<void>> {
    return this.#generations.bump(names)
  }

  beginGenerationWrite(names: readonly string[], token: string, durationMs: number): Promise<Result<void>> {
    return this.#generations.beginWrite(names, token, durationMs)
  }

  renewGenerationWrite(names: readonly string[], token: string, durationMs: number): Promise<Result<boolean>> {
    return this.#generations.renewWrite(names, token, durationMs)
  }

  endGenerationWrite(names: readonly string[], token: string): Promise<Result<void>> {
    return this.#generations.endWrite(names, token)
  }

  bumpOnce(name: string, occasion: string, options?: { readonly continues?: string }): Promise<Result<boolean>> {
    return this.#generations.bumpOnce(name, occasion, options?.continues)
  }

  #storeWrite(key: string, token: string, id: string, entry: SlotEntry): Promise<Result<boolean>> {
    const { now, target } = this.#scripts
    const given = [this.#slotOf(key), token, id, encodeEntry(entry), lifetimeOf(entry), now, target]
    return this.#scripts.run('write', key, storeWrite, given, isOne)
  }

  #slotOf(key: string): string {
    return this.#slotPrefix + key.slice(this.#prefixLength)
  }

  #claimOf(key: string): string {
    return this.#claimPrefix + key.slice(this.#prefixLength)
  }

  #refuses(
    operation: StoreOperation,
    keys: readonly string[],
    given: FencedArguments = {}
  ): Err<CacheError> | undefined {
    const { guard } = this.#connection
    const refused = this.#connection.closedFor(operation) ?? guard.keys(operation, keys)
    if (refused !== undefined) return refused
    const problem = problemOfFencedArguments(given)
    return problem === undefined ? undefined : guard.invalid(operation, problem)
  }
}

function lifetimeOf({ ttlMs }: SlotEntry): number | '' {
  return ttlMs === Infinity ? '' : ttlMs
}

/** The script has refused to begin, so the write has not ended. */
function isOutOfMemory({ message }: CacheError): boolean {
  return message.startsWith('Redis answered: OOM')
}
