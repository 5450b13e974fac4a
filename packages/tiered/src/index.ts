export type { ReadThroughOptions } from './create-read-through.ts'
export { createReadThrough } from './create-read-through.ts'
export { CacheUnavailableError, LoadTimeoutError } from './errors.ts'
export type { ReadThroughCache } from './read-through-cache.ts'
