import type { LoadContext } from '@dashtam/cache-protocol'

/** What the cache knows of an account; the app's own has more. */
export interface Account {
  readonly id: string
}

/** One page of the transactions of an account, as a user asks for it. */
export interface PageOfTransactions {
  readonly userId: string
  readonly accountId: string
  /** The first is 1. */
  readonly page: number
}

/** The truth: a database, and the API of a provider. */
export interface AccountsSource<A extends Account = Account, R = unknown, T = unknown, F = unknown> {
  /** The accounts of a user, as the database has them: all of them, or those that the filter lets through. */
  listAccounts(userId: string, filter?: F): Promise<readonly A[]>
  /**
   * Asks the provider, as often as it is called. Rejects when it fails and when it answers what is not valid: that is never
   * cached, and what is known from before may be served in its place. `null` says that there is no such connection (any
   * more): it is handed on, and not cached either.
   */
  fetchProviderAccounts(connectionId: string, context: LoadContext): Promise<R>
  /** A page as the database, or the provider, has it; empty beyond the last one, and when the account is not this user's. */
  listTransactions(wanted: PageOfTransactions, context?: LoadContext): Promise<readonly T[]>
}
