export type {
  SecurityConfigCacheOptions,
  SecurityConfigRepository,
  SecurityConfigStats,
  SecurityKeys,
  SecurityVersions
} from './security-config-cache.ts'
export { createSecurityConfigCache, SecurityConfigCache } from './security-config-cache.ts'
