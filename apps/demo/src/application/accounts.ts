import type { CacheFamily, Consistency, FamilyKeys, ReadThrough, Served, ValueCodec } from '@dashtam/cache-protocol'
import type { Account } from '../domain/account.ts'
import type { AccountRepository } from './ports.ts'

interface OfUser {
  readonly userId: string
}

interface OfAccount extends OfUser {
  readonly accountId: string
}

/** The part of the key registry that accounts need. */
interface AccountKeys {
  readonly accountsOfUser: FamilyKeys<OfUser>
  readonly account: FamilyKeys<OfAccount>
}

interface AccountTags {
  /** What depends on any of a user's accounts. */
  accountsOfUser(params: OfUser): string
}

export interface AccountsDeps {
  readonly repository: AccountRepository
  readonly cache: ReadThrough
  readonly keys: AccountKeys
  readonly tags: AccountTags
  readonly codecs: { readonly account: ValueCodec<Account | null>; readonly list: ValueCodec<readonly Account[]> }
  /** How long a cached list and a cached account are fresh. */
  readonly ttlSeconds: number
}

/** So much longer they are served while one instance loads them anew, and when the database is away. */
const STALE_SECONDS = 60

/** What a signed-in user does with accounts. Somebody else's account is, for them, no account at all. */
export class Accounts {
  readonly #repository: AccountRepository
  readonly #tags: AccountTags
  readonly #lists: CacheFamily<OfUser, readonly Account[]>
  readonly #accounts: CacheFamily<OfAccount, Account | null>

  constructor({ repository, cache, keys, tags, codecs, ttlSeconds }: AccountsDeps) {
    this.#repository = repository
    this.#tags = tags
    const lifetime = { ttlSeconds, staleSeconds: STALE_SECONDS }
    this.#lists = cache.family<OfUser, readonly Account[]>(keys.accountsOfUser, {
      ...lifetime,
      codec: codecs.list,
      tags: ({ userId }) => [tags.accountsOfUser({ userId })],
      load: ({ userId }) => repository.listOfOwner(userId)
    })
    this.#accounts = cache.family<OfAccount, Account | null>(keys.account, {
      ...lifetime,
      codec: codecs.account,
      // Anybody can ask for accounts that are not there: they are not to fill the cache.
      nullTtlSeconds: 0,
      load: async ({ userId, accountId }) => (await repository.find(userId, accountId)) ?? null
    })
  }

  list(userId: string, consistency: Consistency): Promise<Served<readonly Account[]>> {
    return this.#lists.read({ userId }, { consistency })
  }

  get(userId: string, accountId: string, consistency: Consistency): Promise<Served<Account | null>> {
    return this.#accounts.read({ userId, accountId }, { consistency })
  }

  /**
   * What was cached is invalid before the name changes, and whatever becomes of this process in between. Where the cache
   * cannot be told, this process keeps the invalidation until it can.
   */
  async rename(userId: string, accountId: string, name: string): Promise<Account | undefined> {
    const rename = () => this.#repository.rename(userId, accountId, name)
    const tags = [this.#tags.accountsOfUser({ userId })]
    const { value } = await this.#accounts.mutate({ userId, accountId }, rename, { tags })
    return value
  }
}
