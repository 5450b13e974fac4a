export type {
  ChangeOptions,
  ConnectionRef,
  ProviderConnectionCacheOptions,
  ProviderConnectionKeys,
  ProviderConnectionSource,
  ProviderConnectionStats,
  ProviderToken
} from './provider-connection-cache.ts'
export { createProviderConnectionCache, ProviderConnectionCache } from './provider-connection-cache.ts'
