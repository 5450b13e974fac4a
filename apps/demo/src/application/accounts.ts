import type { CacheFamily, Consistency, FamilyKeys, ReadThrough, Served, ValueCodec } from '@dashtam/cache-protocol'
import type { Account } from '../domain/account.ts'
import type { Transaction } from '../domain/transaction.ts'
import type { CachedAccounts } from './connections.ts'
import type { AccountFilter, AccountRepository } from './ports.ts'

interface OfUser {
  readonly userId: string
}

interface OfAccount extends OfUser {
  readonly accountId: string
}

export interface AccountsDeps {
  readonly repository: AccountRepository
  readonly cachedAccounts: CachedAccounts
  readonly cache: ReadThrough
  readonly keys: { readonly account: FamilyKeys<OfAccount> }
  /** What depends on any of a user's accounts. */
  readonly tags: { accountsOfUser(params: OfUser): string }
  readonly codec: ValueCodec<Account | null>
  /** How long a cached account is fresh. */
  readonly ttlSeconds: number
}

/** So much longer accounts are served while one instance loads them anew, and when the database is away. */
export const STALE_SECONDS = 60

/** What a signed-in user does with accounts. Somebody else's account is, for them, no account at all. */
export class Accounts {
  readonly #repository: AccountRepository
  readonly #tags: AccountsDeps['tags']
  readonly #cached: CachedAccounts
  readonly #accounts: CacheFamily<OfAccount, Account | null>

  constructor({ repository, cachedAccounts, cache, keys, tags, codec, ttlSeconds }: AccountsDeps) {
    this.#repository = repository
    this.#tags = tags
    this.#cached = cachedAccounts
    this.#accounts = cache.family<OfAccount, Account | null>(keys.account, {
      ttlSeconds,
      staleSeconds: STALE_SECONDS,
      codec,
      // Anybody can ask for accounts that are not there: they are not to fill the cache.
      nullTtlSeconds: 0,
      tags: ({ userId }) => [tags.accountsOfUser({ userId })],
      load: async ({ userId, accountId }) => (await repository.find(userId, accountId)) ?? null
    })
  }

  list(userId: string, consistency: Consistency): Promise<Served<readonly Account[]>> {
    return this.#cached.list(userId, { consistency })
  }

  /** From the database: there are more filters than it is worth to keep. */
  listFiltered(userId: string, filter: AccountFilter): Promise<readonly Account[]> {
    return this.#cached.listFiltered(userId, filter)
  }

  get(userId: string, accountId: string, consistency: Consistency): Promise<Served<Account | null>> {
    return this.#accounts.read({ userId, accountId }, { consistency })
  }

  /** From its provider, or from the database for one that is at none. `undefined` when the user has no such account. */
  transactions(
    of: OfAccount & { readonly page: number },
    consistency: Consistency
  ): Promise<Served<readonly Transaction[]> | undefined> {
    return this.#cached.transactions(of, { consistency })
  }

  /**
   * What was cached is invalid before the name changes, and whatever becomes of this process in between. Where the cache
   * cannot be told, this process keeps the invalidation until it can.
   */
  async rename(userId: string, accountId: string, name: string): Promise<Account | undefined> {
    const rename = () => this.#repository.rename(userId, accountId, name)
    const what = { userId, accountIds: [], tags: [this.#tags.accountsOfUser({ userId })] }
    return (await this.#cached.change(what, rename)).value
  }
}
