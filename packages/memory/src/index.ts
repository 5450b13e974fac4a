export type { BoundedStoreOptions, BoundedStoreStats, RemovalReason } from './bounded-store.ts'
export { BoundedStore } from './bounded-store.ts'
export type { InMemoryCacheOptions } from './in-memory-cache.ts'
export { InMemoryCache } from './in-memory-cache.ts'
