import type {
  CacheFamily,
  DeepReadonly,
  FamilyKeys,
  Mutated,
  ReadOptions,
  ReadThrough,
  Result,
  Served,
  ValueCodec
} from '@dashtam/cache-protocol'
import { refuseUnknown, requireFunctions } from '@dashtam/cache-protocol/adapter'
import type { Account, AccountsSource, PageOfTransactions } from './accounts-source.ts'
import type { AccountsStats } from './stats.ts'

interface OfUser {
  readonly userId: string
}

interface OfConnection {
  readonly connectionId: string
}

interface OfPage {
  readonly accountId: string
  readonly page: number
}

export interface AccountsKeys {
  readonly accountsOfUser: FamilyKeys<OfUser>
  readonly providerAccounts: FamilyKeys<OfConnection>
  readonly transactions: FamilyKeys<OfPage>
}

/** A page, and the user for whom the source has answered it. */
export interface CachedPage<T> {
  readonly userId: string
  readonly transactions: readonly T[]
}

/** How cached values are encoded. Each is JSON by default: no Date, Map, Set, bytes, bigint or `undefined`. */
export interface AccountsCodecs<A, R, T> {
  readonly accounts?: ValueCodec<readonly A[]>
  readonly provider?: ValueCodec<R>
  readonly transactions?: ValueCodec<CachedPage<T>>
}

export interface AccountsCacheOptions<A extends Account = Account, R = unknown, T = unknown, F = unknown> {
  /** `app.cache`, or another read-through cache. */
  readonly cache: Pick<ReadThrough, 'family' | 'invalidateTags'>
  /** `defineKeys` with the families `accountsOfUser`, `providerAccounts` and `transactions` of `dashtamFamilies`. */
  readonly keys: AccountsKeys
  /** The truth. */
  readonly source: AccountsSource<A, R, T, F>
  /** How long a list and a page are fresh, in seconds, above 0. @defaultValue 300 */
  readonly ttlSeconds?: number
  /** How long the response of a provider is fresh, in seconds, above 0. @defaultValue 300 */
  readonly providerTtlSeconds?: number
  /** So much longer they are served while they are loaded anew, and while that fails, in seconds, at least 0. @defaultValue 60 */
  readonly staleSeconds?: number
  readonly codecs?: AccountsCodecs<A, R, T>
}

/** What a write changes. */
export interface AccountsChange {
  /** Whose list changes. */
  readonly userId: string
  /** The connection of which the provider is to be asked anew. @defaultValue none */
  readonly connectionId?: string
  /** The accounts whose transactions change. @defaultValue all of the user's; `[]` none */
  readonly accountIds?: readonly string[]
  /** Tags of the app's own, of what else it caches about these accounts. @defaultValue none */
  readonly tags?: readonly string[]
}

const DEFAULT_TTL_SECONDS = 300
const DEFAULT_STALE_SECONDS = 60
/** No page has this number: its key stands for all pages of an account. */
const ALL_PAGES = 0

/** The accounts of users, cached. Made by {@link createAccountsCache}. */
export class AccountsCache<A extends Account = Account, R = unknown, T = unknown, F = unknown> {
  readonly #cache: Pick<ReadThrough, 'invalidateTags'>
  readonly #keys: AccountsKeys
  readonly #source: AccountsSource<A, R, T, F>
  readonly #lists: CacheFamily<OfUser, readonly A[]>
  readonly #responses: CacheFamily<OfConnection, R>
  readonly #pages: CacheFamily<PageOfTransactions, CachedPage<T>>
  readonly #stats = { listed: 0, bypassed: 0, provided: 0, paged: 0, refused: 0, changed: 0, dropped: 0 }

  /** @internal */
  constructor({
    cache,
    keys,
    source,
    ttlSeconds = DEFAULT_TTL_SECONDS,
    providerTtlSeconds = DEFAULT_TTL_SECONDS,
    staleSeconds = DEFAULT_STALE_SECONDS,
    codecs = {}
  }: AccountsCacheOptions<A, R, T, F>) {
    this.#cache = cache
    this.#keys = keys
    this.#source = source
    const behavior = { ttlSeconds, staleSeconds, isSensitive: true }
    this.#lists = cache.family<OfUser, readonly A[], OfUser>(keys.accountsOfUser, {
      ...behavior,
      ...(codecs.accounts && { codec: codecs.accounts }),
      load: async ({ userId }) => arrayFrom('listAccounts', await source.listAccounts(userId))
    })
    this.#responses = cache.family<OfConnection, R, OfConnection>(keys.providerAccounts, {
      ...behavior,
      ...(codecs.provider && { codec: codecs.provider }),
      ttlSeconds: providerTtlSeconds,
      nullTtlSeconds: 0,
      policy: 'stale',
      tags: ({ connectionId }) => [this.#tagOfConnection(connectionId)],
      load: ({ connectionId }, context) => source.fetchProviderAccounts(connectionId, context)
    })
    this.#pages = cache.family<OfPage, CachedPage<T>, PageOfTransactions>(keys.transactions, {
      ...behavior,
      ...(codecs.transactions && { codec: codecs.transactions }),
      // There is no end of pages beyond the last one: they are not to fill the cache.
      ttlSeconds: ({ transactions }) => (transactions.length === 0 ? 0 : ttlSeconds),
      tags: ({ userId, accountId }) => [this.#tagOfUser(userId), this.#tagOfAccount(accountId)],
      load: async (wanted, context) => ({
        userId: wanted.userId,
        transactions: arrayFrom('listTransactions', await source.listTransactions(wanted, context))
      })
    })
  }

  /** All accounts of a user. Rejects as the source does. */
  async list(userId: string, options?: ReadOptions): Promise<Served<readonly A[]>> {
    const served = await this.#lists.read({ userId }, options)
    this.#stats.listed++
    return served
  }

  /** The accounts of a user that a filter lets through, from the source: never cached. Rejects as the source does. */
  async listFiltered(userId: string, filter: F): Promise<readonly A[]> {
    const accounts = await this.#source.listAccounts(userId, filter)
    this.#stats.bypassed++
    return accounts
  }

  /**
   * What the provider answers about the accounts of a connection. When it fails, the last response that is known is served
   * (`stale`), to a strong read none that has expired for longer than `staleSeconds` or was dropped. Whether the connection
   * is that of whoever asks is the caller's to know.
   *
   * Rejects as the source does, when no response is known.
   */
  async providerAccounts({ connectionId }: OfConnection, options?: ReadOptions): Promise<Served<R>> {
    const served = await this.#responses.read({ connectionId }, options)
    this.#stats.provided++
    return served
  }

  /**
   * A page of the transactions of an account.
   *
   * @returns `undefined` when the account is not in the user's list. Rejects as the source does, and with a `TypeError` for
   * a page that is no integer of at least 1.
   */
  async transactions(wanted: PageOfTransactions, options?: ReadOptions): Promise<Served<readonly T[]> | undefined> {
    const { userId, accountId, page } = wanted
    checkPage(page)
    // A stranger neither loads a page nor waits for one: to ask would be enough to put it out of the cache.
    if (!(await this.#owns(userId, accountId, options))) {
      this.#stats.refused++
      return undefined
    }
    const served = await this.#pages.read({ userId, accountId, page }, options)
    const answer = served.value.userId === userId ? unwrapped<T>(served) : await this.#pastTheCache(wanted)
    this.#stats.paged++
    return answer
  }

  /**
   * Runs a write of a sync, a disconnection or a rename, and drops what it changes: the user's list, and what `change` says.
   * That is closed before the write begins, so that nothing from before it survives, whatever becomes of this process.
   *
   * A sync asks the provider itself: what is cached of it is not to be written into the database.
   *
   * @returns what `write` returned, and whether the drop is acknowledged (see `mutate` of a family). Rejects as `write` does.
   */
  async change<W>(change: AccountsChange, write: () => W | Promise<W>): Promise<Mutated<W>> {
    const { userId, connectionId, accountIds, tags: others = [] } = change
    const pages = accountIds?.map(accountId => this.#tagOfAccount(accountId)) ?? [this.#tagOfUser(userId)]
    const responses = connectionId === undefined ? [] : [this.#tagOfConnection(connectionId)]
    const tags = [...pages, ...responses, ...others]
    const changed = await this.#lists.mutate({ userId }, write, { tags })
    this.#stats.changed++
    return changed
  }

  /**
   * Drops all pages of an account, with one command however many there are: after a change past `change` has been committed.
   *
   * @returns as `invalidateTags` of the cache does.
   */
  async dropTransactions(accountId: string): Promise<Result<void>> {
    const dropped = await this.#cache.invalidateTags([this.#tagOfAccount(accountId)])
    this.#stats.dropped++
    return dropped
  }

  stats(): AccountsStats {
    return { ...this.#stats }
  }

  async #owns(userId: string, accountId: string, options: ReadOptions | undefined): Promise<boolean> {
    const accounts = (await this.#lists.get({ userId }, options)) as readonly Account[]
    return accounts.some(({ id }) => id === accountId)
  }

  /** Where a list is out of date: what the source has answered to another user, be it at this moment, is not for this one. */
  async #pastTheCache(wanted: PageOfTransactions): Promise<Served<readonly T[]>> {
    const transactions = await this.#source.listTransactions(wanted)
    return { value: transactions as DeepReadonly<readonly T[]>, status: 'miss' }
  }

  // Tags are named as keys: with the keyspace and the tenant, and no two ids have one.

  #tagOfUser(userId: string): string {
    return this.#keys.accountsOfUser({ userId })
  }

  #tagOfAccount(accountId: string): string {
    return this.#keys.transactions({ accountId, page: ALL_PAGES })
  }

  #tagOfConnection(connectionId: string): string {
    return this.#keys.providerAccounts({ connectionId })
  }
}

/**
 * Makes a cache in front of accounts.
 *
 * @throws TypeError when an option is wrong.
 */
export function createAccountsCache<A extends Account, R, T, F>(
  options: AccountsCacheOptions<A, R, T, F>
): AccountsCache<A, R, T, F> {
  const { cache, keys, source, codecs = {} } = options
  refuseUnknown(options, ['cache', 'keys', 'source', 'ttlSeconds', 'providerTtlSeconds', 'staleSeconds', 'codecs'])
  requireFunctions('cache', cache, ['family', 'invalidateTags'])
  requireFunctions('keys', keys, ['accountsOfUser', 'providerAccounts', 'transactions'])
  requireFunctions('source', source, ['listAccounts', 'fetchProviderAccounts', 'listTransactions'])
  refuseUnknown(codecs, ['accounts', 'provider', 'transactions'], 'codec')
  for (const [name, codec] of Object.entries(codecs)) {
    if (codec !== undefined) requireFunctions(`codecs.${name}`, codec, ['encode', 'decode'])
  }
  return new AccountsCache(options)
}

function unwrapped<T>({ value, ...rest }: Served<CachedPage<T>>): Served<readonly T[]> {
  return { ...rest, value: value.transactions as DeepReadonly<readonly T[]> }
}

/** @throws TypeError: what is cached is looked through. */
function arrayFrom<T>(name: keyof AccountsSource, found: readonly T[]): readonly T[] {
  if (Array.isArray(found)) return found
  throw new TypeError(`source.${name} must answer an array, got ${found === null ? 'null' : typeof found}`)
}

function checkPage(page: unknown): void {
  if (Number.isSafeInteger(page) && (page as number) >= 1) return
  throw new TypeError(`page must be an integer of at least 1, got ${typeof page === 'number' ? page : typeof page}`)
}
