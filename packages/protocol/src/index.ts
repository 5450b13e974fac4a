export type { CacheProtocol, JsonValue, LifetimeOptions } from './cache-protocol.ts'
export type {
  CacheError,
  CacheErrorCode,
  CacheErrorDetails,
  CacheErrorReason,
  CacheOperation,
  StoreOperation
} from './errors.ts'
export { CACHE_ERROR_CODES, CACHE_ERROR_REASONS } from './errors.ts'
export type { FencedStore, Generation, ServerChange, Slot, SlotEntry, SlotStamp } from './fenced-store.ts'
export type { FeedListener, FeedStats, InvalidationFeed } from './invalidation-feed.ts'
export type { MemberIndex } from './member-index.ts'
export type {
  CacheEntry,
  CacheFamily,
  Consistency,
  DeepReadonly,
  FailurePolicy,
  FamilyKeys,
  FamilyOptions,
  GetOrLoadOptions,
  LoadContext,
  Lookup,
  Mutated,
  MutateOptions,
  ParamsOrNone,
  Placement,
  ReadOptions,
  ReadThrough,
  Served,
  ValueCodec,
  WarmOptions,
  WarmProgress
} from './read-through.ts'
export type { FamilyStats, ReadThroughStats } from './read-through-stats.ts'
export type { Err, Ok, Result } from './result.ts'
export { err, ok } from './result.ts'
export type { TokenBucket, TokenLimit, TokenState } from './token-bucket.ts'
