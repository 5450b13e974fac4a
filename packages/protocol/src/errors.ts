/**
 * Every code of a {@link CacheError}, with the sentence that `docs/reference/errors.md` prints.
 * Codes are stable within a major version; messages are for humans and may change at any time.
 */
export const CACHE_ERROR_CODES = {
  CACHE_GET_ERROR: '`get` or `getJson` could not be carried out.',
  CACHE_SET_ERROR: '`set` or `setJson` could not be carried out; after a timeout the value may still be stored.',
  CACHE_TAKE_ERROR: '`take` could not be carried out; after a timeout the value may be gone.',
  CACHE_DELETE_ERROR:
    '`delete`, `deleteMany` or `deletePattern` could not be carried out; `details.deleted` counts what is gone.',
  CACHE_EXISTS_ERROR: '`exists` could not be carried out.',
  CACHE_EXPIRE_ERROR: '`expire` could not be carried out.',
  CACHE_TTL_ERROR: '`ttl` could not be carried out.',
  CACHE_INCREMENT_ERROR: '`increment` could not be carried out; after a timeout the counter may have moved.',
  CACHE_DECREMENT_ERROR: '`decrement` could not be carried out; after a timeout the counter may have moved.',
  CACHE_MGET_ERROR: '`getMany` could not be carried out.',
  CACHE_MSET_ERROR: '`setMany` did not store everything; `details.stored` counts what it did.',
  CACHE_FLUSH_ERROR: '`flush` could not be carried out to its end.',
  CACHE_SCAN_ERROR: '`scan` could not go on.',
  CACHE_FILL_ERROR: 'What was loaded could not be stored. The reader has it all the same.',
  CACHE_INVALIDATE_ERROR:
    'An invalidation (`invalidate`, `invalidateTags`, `clear`, `mutate`, `set`) is not acknowledged; with the reason `pending` it will be delivered.',
  CACHE_BUCKET_ERROR:
    'Tokens of a bucket could not be taken, looked at or given back; after a timeout they may be taken.',
  CACHE_MEMBERS_ERROR: 'Members of an owner could not be added, read or removed; after a timeout they may be.',
  CACHE_CONNECTION_ERROR: '`ping` or `connect` found no usable server.',
  CACHE_TIMEOUT: '`ping` or `connect` had no answer in time.',
  CACHE_JSON_ERROR: '`getJson` found a value that is not JSON. It stays where it is.',
  CACHE_SERIALIZATION_ERROR: 'The value would not come back as it went in, so it was not stored.',
  CACHE_VALUE_TOO_LARGE: 'The value is larger than the cache accepts. Nothing was stored.',
  CACHE_INVALID_ARGUMENT: 'A key, pattern, lifetime or amount is not one that the cache accepts. Nothing was sent.'
} as const

/** What was being done when it failed. */
export type CacheErrorCode = keyof typeof CACHE_ERROR_CODES

/** Every reason of a {@link CacheError}, with the sentence that `docs/reference/errors.md` prints. */
export const CACHE_ERROR_REASONS = {
  connection: 'There is no usable connection, or it broke before the answer came.',
  timeout: 'The answer did not come within the deadline. Whether the command took effect is unknown.',
  circuit_open: 'The server has not been answering, so the command was not sent.',
  closed: 'The cache has been closed.',
  server: 'The server answered with an error: out of memory, no permission, read-only, loading …',
  wrong_type:
    'What is stored under the key is not what the operation needs: another Redis type, or not an integer. It stays where it is.',
  pending: 'An invalidation is accepted and will be delivered, but the server has not acknowledged it yet.'
} as const

/** Why it failed. */
export type CacheErrorReason = keyof typeof CACHE_ERROR_REASONS

/** The operations of the port, as `details.operation` and metrics name them. */
export type CacheOperation =
  | 'get'
  | 'getJson'
  | 'set'
  | 'setJson'
  | 'take'
  | 'delete'
  | 'deleteMany'
  | 'deletePattern'
  | 'exists'
  | 'expire'
  | 'ttl'
  | 'increment'
  | 'decrement'
  | 'getMany'
  | 'setMany'
  | 'scan'
  | 'flush'
  | 'ping'
  | 'connect'

/** The operations of the narrow ports, as `details.operation` names them: of `FencedStore`, `TokenBucket`, `MemberIndex`. */
export type StoreOperation =
  | 'readSlot'
  | 'lease'
  | 'fill'
  | 'invalidate'
  | 'write'
  | 'readGenerations'
  | 'bump'
  | 'takeTokens'
  | 'peekTokens'
  | 'giveTokens'
  | 'resetTokens'
  | 'addMember'
  | 'removeMembers'
  | 'readMembers'
  | 'clearMembers'

/** What may be said of a failure in a log: never a key, never a value, never a credential. */
export interface CacheErrorDetails {
  readonly operation: CacheOperation | StoreOperation
  /** The family of the key, when the cache was told how to find it (`familyOf`). */
  readonly family?: string
  /** `setMany`: how many entries are known to be stored. */
  readonly stored?: number
  /** `deleteMany`, `deletePattern`: how many keys are known to be gone. */
  readonly deleted?: number
  /** `CACHE_VALUE_TOO_LARGE`: the size of the value in bytes of UTF-8. */
  readonly sizeBytes?: number
  /** `CACHE_VALUE_TOO_LARGE`: the size that would have been accepted. */
  readonly maxValueBytes?: number
}

/**
 * Why the cache could not do as it was told. A plain object, never thrown: it is the `error` of a `Result`.
 *
 * It is safe to log whole: neither `message`, `details` nor `cause` holds a key, a value or a credential.
 */
export interface CacheError {
  /** What was being done. */
  readonly code: CacheErrorCode
  /** Why it failed. Absent when the call itself was wrong (`CACHE_INVALID_ARGUMENT` and the codes about values). */
  readonly reason?: CacheErrorReason
  /** For humans: what was wrong and what was expected. */
  readonly message: string
  readonly details: CacheErrorDetails
  /** What the client library reported, stripped of the command's arguments. */
  readonly cause?: unknown
}
