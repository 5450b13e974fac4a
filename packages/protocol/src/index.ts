export type { CacheProtocol, JsonValue, LifetimeOptions } from './cache-protocol.ts'
export type {
  CacheError,
  CacheErrorCode,
  CacheErrorDetails,
  CacheErrorReason,
  CacheOperation
} from './errors.ts'
export { CACHE_ERROR_CODES, CACHE_ERROR_REASONS } from './errors.ts'
export type { Err, Ok, Result } from './result.ts'
export { err, ok } from './result.ts'
