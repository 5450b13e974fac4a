import { type Account, isAccount } from '../domain/account.ts'
import type { CacheAside, Served } from './cache-aside.ts'
import type { AccountRepository } from './ports.ts'

/** The part of the key registry that accounts need. */
export interface AccountKeys {
  accountsOfUser(params: { userId: string }): string
  account(params: { userId: string; accountId: string }): string
}

export interface AccountsDeps {
  readonly repository: AccountRepository
  readonly cache: CacheAside
  readonly keys: AccountKeys
  /** Lifetime of a cached list and of a cached account. */
  readonly ttlSeconds: number
}

/** What a signed-in user does with accounts. Somebody else's account is, for them, no account at all. */
export class Accounts {
  readonly #repository: AccountRepository
  readonly #cache: CacheAside
  readonly #keys: AccountKeys
  readonly #ttlSeconds: number

  constructor({ repository, cache, keys, ttlSeconds }: AccountsDeps) {
    this.#repository = repository
    this.#cache = cache
    this.#keys = keys
    this.#ttlSeconds = ttlSeconds
  }

  list(userId: string): Promise<Served<readonly Account[]>> {
    return this.#cache.read<readonly Account[]>({
      key: this.#keys.accountsOfUser({ userId }),
      ttlSeconds: this.#ttlSeconds,
      accepts: found => Array.isArray(found) && found.every(isAccount),
      load: () => this.#repository.listOfOwner(userId)
    })
  }

  get(userId: string, accountId: string): Promise<Served<Account | undefined>> {
    return this.#cache.read<Account | undefined>({
      key: this.#keys.account({ userId, accountId }),
      ttlSeconds: this.#ttlSeconds,
      accepts: isAccount,
      load: () => this.#repository.find(userId, accountId)
    })
  }

  async rename(userId: string, accountId: string, name: string): Promise<Account | undefined> {
    const renamed = await this.#repository.rename(userId, accountId, name)
    if (renamed === undefined) return undefined
    await this.#cache.invalidate([this.#keys.accountsOfUser({ userId }), this.#keys.account({ userId, accountId })])
    return renamed
  }
}
