export type { AuthorizationCacheOptions, Check, CheckOptions } from './authorization-cache.ts'
export { AuthorizationCache, createAuthorizationCache } from './authorization-cache.ts'
export type { PolicyEnforcer } from './enforcers.ts'
