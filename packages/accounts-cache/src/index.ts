export type {
  AccountsCacheOptions,
  AccountsChange,
  AccountsCodecs,
  AccountsKeys,
  CachedPage
} from './accounts-cache.ts'
export { AccountsCache, createAccountsCache } from './accounts-cache.ts'
export type { Account, AccountsSource, PageOfTransactions } from './accounts-source.ts'
export type { AccountsStats } from './stats.ts'
