import type { LifetimeOptions } from '../cache-protocol.ts'
import type {
  CacheError,
  CacheErrorCode,
  CacheErrorDetails,
  CacheErrorReason,
  CacheOperation,
  StoreOperation
} from '../errors.ts'
import { type Err, err, ok, type Result } from '../result.ts'
import { describeUnserializable } from './json.ts'
import { Keyspace } from './keyspace.ts'
import { DEFAULT_TTL_SECONDS, problemOfTtl, toMilliseconds } from './lifetime.ts'

export interface PortGuardOptions {
  /** The first segment of every key: 1 to 64 of `A-Z a-z 0-9 _ . -`. The same that was said to `defineKeys`. */
  readonly keyspace: string
  /**
   * Lifetime of what is stored without one, in seconds, above 0; `Infinity` never expires.
   * @defaultValue 3600
   */
  readonly ttlSeconds?: number
  /**
   * The largest value accepted, in bytes of UTF-8.
   * @defaultValue 8 MiB (8388608)
   */
  readonly maxValueBytes?: number
  /** Names the family of a key for `details.family`, as `keys.familyOf` does. Without it errors name no family. */
  readonly familyOf?: (key: string) => string | undefined
}

export interface FailureOptions {
  readonly cause?: unknown
  readonly key?: string | undefined
  readonly details?: Omit<CacheErrorDetails, 'operation' | 'family'>
}

const DEFAULT_MAX_VALUE_BYTES = 8 * 1024 * 1024

const CODE_OF: Record<CacheOperation | StoreOperation, CacheErrorCode> = {
  get: 'CACHE_GET_ERROR',
  getJson: 'CACHE_GET_ERROR',
  set: 'CACHE_SET_ERROR',
  setJson: 'CACHE_SET_ERROR',
  take: 'CACHE_TAKE_ERROR',
  delete: 'CACHE_DELETE_ERROR',
  deleteMany: 'CACHE_DELETE_ERROR',
  deletePattern: 'CACHE_DELETE_ERROR',
  exists: 'CACHE_EXISTS_ERROR',
  expire: 'CACHE_EXPIRE_ERROR',
  ttl: 'CACHE_TTL_ERROR',
  increment: 'CACHE_INCREMENT_ERROR',
  decrement: 'CACHE_DECREMENT_ERROR',
  getMany: 'CACHE_MGET_ERROR',
  setMany: 'CACHE_MSET_ERROR',
  scan: 'CACHE_SCAN_ERROR',
  flush: 'CACHE_FLUSH_ERROR',
  ping: 'CACHE_CONNECTION_ERROR',
  connect: 'CACHE_CONNECTION_ERROR',
  readSlot: 'CACHE_GET_ERROR',
  readGenerations: 'CACHE_GET_ERROR',
  lease: 'CACHE_FILL_ERROR',
  fill: 'CACHE_FILL_ERROR',
  invalidate: 'CACHE_INVALIDATE_ERROR',
  write: 'CACHE_INVALIDATE_ERROR',
  bump: 'CACHE_INVALIDATE_ERROR',
  takeTokens: 'CACHE_BUCKET_ERROR',
  peekTokens: 'CACHE_BUCKET_ERROR',
  giveTokens: 'CACHE_BUCKET_ERROR',
  resetTokens: 'CACHE_BUCKET_ERROR',
  addMember: 'CACHE_MEMBERS_ERROR',
  removeMembers: 'CACHE_MEMBERS_ERROR',
  readMembers: 'CACHE_MEMBERS_ERROR',
  clearMembers: 'CACHE_MEMBERS_ERROR'
}

type Operation = CacheOperation | StoreOperation

/** Adapters hand on whatever is not an option of their own, so that a misspelt one is found here. */
function refuseUnknown(unknown: object): void {
  const [name] = Object.keys(unknown)
  if (name !== undefined) throw new TypeError(`unknown option '${name}'`)
}

/**
 * The checks and the errors that every adapter of the port shares, so that all of them accept the same keys, values and
 * lifetimes and say the same when they do not. Each check answers `undefined` when all is well, else the failure.
 */
export class PortGuard {
  readonly keyspace: Keyspace
  readonly #defaultTtlMs: number
  readonly #maxValueBytes: number
  readonly #familyOf: ((key: string) => string | undefined) | undefined

  /** @throws TypeError when an option is out of its range. */
  constructor({
    keyspace,
    ttlSeconds = DEFAULT_TTL_SECONDS,
    maxValueBytes = DEFAULT_MAX_VALUE_BYTES,
    familyOf,
    ...unknown
  }: PortGuardOptions) {
    refuseUnknown(unknown)
    this.keyspace = new Keyspace(keyspace)
    const ttlProblem = problemOfTtl(ttlSeconds)
    if (ttlProblem !== undefined) throw new TypeError(ttlProblem)
    if (!Number.isSafeInteger(maxValueBytes) || maxValueBytes < 1) {
      throw new TypeError(`maxValueBytes must be an integer of at least 1, got ${String(maxValueBytes)}`)
    }
    this.#defaultTtlMs = toMilliseconds(ttlSeconds)
    this.#maxValueBytes = maxValueBytes
    this.#familyOf = familyOf
  }

  key(operation: Operation, key: string): Err<CacheError> | undefined {
    const problem = this.keyspace.problemOfKey(key)
    return problem === undefined ? undefined : this.invalid(operation, problem)
  }

  keys(operation: Operation, keys: Iterable<string>): Err<CacheError> | undefined {
    for (const key of keys) {
      const refused = this.key(operation, key)
      if (refused !== undefined) return refused
    }
    return undefined
  }

  entries(
    operation: CacheOperation,
    entries: Iterable<readonly [key: string, value: string]>
  ): Err<CacheError> | undefined {
    for (const entry of entries) {
      const refused = this.key(operation, entry[0]) ?? this.value(operation, entry[0], entry[1])
      if (refused !== undefined) return refused
    }
    return undefined
  }

  pattern(operation: CacheOperation, pattern: string): Err<CacheError> | undefined {
    const problem = this.keyspace.problemOfPattern(pattern)
    return problem === undefined ? undefined : this.invalid(operation, problem)
  }

  amount(operation: CacheOperation, by: number): Err<CacheError> | undefined {
    if (Number.isSafeInteger(by)) return undefined
    return this.invalid(operation, `the amount must be a safe integer, got ${typeof by === 'number' ? by : typeof by}`)
  }

  value(operation: CacheOperation, key: string, value: string): Err<CacheError> | undefined {
    if (typeof value !== 'string') {
      return this.invalid(operation, `the value must be a string, got ${value === null ? 'null' : typeof value}`)
    }
    if (!value.isWellFormed()) {
      return this.#unserializable(operation, key, 'a lone surrogate, which UTF-8 cannot carry')
    }
    // A UTF-16 unit takes at most three bytes, so that most values are never counted.
    if (value.length * 3 <= this.#maxValueBytes) return undefined
    const sizeBytes = Buffer.byteLength(value)
    if (sizeBytes <= this.#maxValueBytes) return undefined
    const maxValueBytes = this.#maxValueBytes
    return this.#fail(
      operation,
      key,
      'CACHE_VALUE_TOO_LARGE',
      `the value has ${sizeBytes} bytes, more than the ${maxValueBytes} accepted (maxValueBytes)`,
      { sizeBytes, maxValueBytes }
    )
  }

  /** The lifetime in milliseconds that a call asks for, or the cache's default. */
  ttlMs(operation: CacheOperation, options: LifetimeOptions | undefined): Result<number> {
    if (options?.ttlSeconds === undefined) return ok(this.#defaultTtlMs)
    return this.explicitTtlMs(operation, options.ttlSeconds)
  }

  explicitTtlMs(operation: Operation, ttlSeconds: number): Result<number> {
    const problem = problemOfTtl(ttlSeconds)
    return problem === undefined ? ok(toMilliseconds(ttlSeconds)) : this.invalid(operation, problem)
  }

  /** JSON text that brings `value` back exactly, or why there is none. */
  toJson(key: string, value: unknown): Result<string> {
    const problem = describeUnserializable(value)
    if (problem !== undefined) return this.#unserializable('setJson', key, problem)
    try {
      return ok(JSON.stringify(value))
    } catch {
      // No string of V8 can be that long.
      return this.#fail('setJson', key, 'CACHE_VALUE_TOO_LARGE', 'the value is too large to be JSON text')
    }
  }

  /** What `get` answered, parsed. The type is the caller's word. */
  fromJson<T>(key: string, read: Result<string | undefined>): Result<T | undefined> {
    if (!read.ok || read.value === undefined) return read as Result<undefined>
    try {
      return ok(JSON.parse(read.value) as T)
    } catch {
      // The SyntaxError quotes the text, so it is not kept as the cause.
      return this.#fail('getJson', key, 'CACHE_JSON_ERROR', 'the stored value is not JSON')
    }
  }

  /** A fault of the backend, under the code of its operation. `message` and `cause` must hold no key and no value. */
  failure(
    operation: Operation,
    reason: CacheErrorReason,
    message: string,
    { cause, key, details }: FailureOptions = {}
  ): Err<CacheError> {
    const isProbe = operation === 'ping' || operation === 'connect'
    const code = isProbe && reason === 'timeout' ? 'CACHE_TIMEOUT' : CODE_OF[operation]
    const error: CacheError = { code, reason, message, details: this.#details(operation, key, details) }
    return err(cause === undefined ? error : { ...error, cause })
  }

  /** `increment` and `decrement` on what is not an integer, or on one that would leave the safe integers. */
  notAnInteger(operation: 'increment' | 'decrement', key: string, cause?: unknown): Err<CacheError> {
    const message = 'the stored value is not an integer, or the sum would be beyond the safe ones'
    return this.failure(operation, 'wrong_type', message, { key, cause })
  }

  /** What every operation answers once the cache has been closed. */
  closed(operation: Operation): Err<CacheError> {
    return this.failure(operation, 'closed', 'the cache has been closed')
  }

  invalid(operation: Operation, message: string): Err<CacheError> {
    return this.#fail(operation, undefined, 'CACHE_INVALID_ARGUMENT', message)
  }

  #unserializable(operation: CacheOperation, key: string, what: string): Err<CacheError> {
    return this.#fail(
      operation,
      key,
      'CACHE_SERIALIZATION_ERROR',
      `the value holds ${what}, which would not come back as it is`
    )
  }

  #fail(
    operation: Operation,
    key: string | undefined,
    code: CacheErrorCode,
    message: string,
    details?: FailureOptions['details']
  ): Err<CacheError> {
    return err({ code, message, details: this.#details(operation, key, details) })
  }

  #details(operation: Operation, key: string | undefined, details?: FailureOptions['details']): CacheErrorDetails {
    const family = this.#family(key)
    return family === undefined ? { operation, ...details } : { operation, family, ...details }
  }

  #family(key: string | undefined): string | undefined {
    try {
      return key === undefined ? undefined : this.#familyOf?.(key)
    } catch {
      // A fault of the app's function must not take the place of the fault that is being told.
      return undefined
    }
  }
}
