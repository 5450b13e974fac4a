export type {
  ConsumeOptions,
  CreatedState,
  OAuthFlow,
  OAuthStateCacheOptions,
  OAuthStateError,
  OAuthStateStats,
  PendingFlow
} from './oauth-state-cache.ts'
export { createOAuthStateCache, OAuthStateCache } from './oauth-state-cache.ts'
