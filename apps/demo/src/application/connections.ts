import { randomUUID } from 'node:crypto'
import type { AccountsCache } from '@dashtam/accounts-cache'
import type { Consistency, Served } from '@dashtam/cache-protocol'
import type { ProviderConnectionCache } from '@dashtam/provider-connection-cache'
import type { Account } from '../domain/account.ts'
import type { Connection } from '../domain/connection.ts'
import type { ProviderResponse } from '../domain/provider.ts'
import type { Transaction } from '../domain/transaction.ts'
import type { AccountFilter, AccountRepository, ConnectionRepository, Grant, ProviderClient } from './ports.ts'
import { type ProviderAccess, refOf } from './provider-access.ts'

export type CachedAccounts = AccountsCache<Account, ProviderResponse | null, Transaction, AccountFilter>

export interface ConnectionsDeps {
  readonly repository: ConnectionRepository
  readonly accounts: AccountRepository
  readonly provider: ProviderClient
  readonly access: ProviderAccess
  readonly cache: ProviderConnectionCache<Connection>
  readonly cachedAccounts: CachedAccounts
  /** What else depends on the accounts of a user. */
  readonly tags: { accountsOfUser(params: { readonly userId: string }): string }
  /** Hears of what went wrong and does not matter. */
  readonly warn: (error: unknown, message: string) => void
}

/** What a signed-in user does with connections. Somebody else's is, for him, none at all. */
export class Connections {
  readonly #deps: ConnectionsDeps

  constructor(deps: ConnectionsDeps) {
    this.#deps = deps
  }

  list(userId: string, consistency: Consistency): Promise<Served<readonly Connection[]>> {
    return this.#deps.cache.list(userId, { consistency })
  }

  async get(userId: string, connectionId: string, consistency: Consistency): Promise<Served<Connection> | undefined> {
    const served = await this.#deps.cache.get(connectionId, { consistency })
    const { value } = served
    return value === null || value.userId !== userId ? undefined : { ...served, value }
  }

  /** What the provider answers about it, cached. Rejects with a `ProviderError` when it fails and nothing is known. */
  async providerAccounts(
    { id }: Pick<Connection, 'id'>,
    consistency: Consistency
  ): Promise<Served<ProviderResponse> | undefined> {
    const served = await this.#deps.cachedAccounts.providerAccounts({ connectionId: id }, { consistency })
    const { value } = served
    return value === null ? undefined : { ...served, value }
  }

  /** What the user has allowed is from now on a connection. */
  async connect(
    { userId, provider, alias }: Pick<Connection, 'userId' | 'provider' | 'alias'>,
    grant: Grant
  ): Promise<Connection> {
    const connection: Connection = {
      id: randomUUID(),
      userId,
      provider,
      alias,
      status: 'connected',
      createdAt: new Date().toISOString(),
      syncedAt: null
    }
    const { accessToken, expiresAtMs, refreshToken } = grant
    await this.#deps.cache.refresh(refOf(connection), async () => {
      await this.#deps.repository.insert(connection, refreshToken)
      return { accessToken, expiresAtMs }
    })
    return connection
  }

  /** Takes over what the provider tells of the accounts. `undefined` when the user has no such connection. */
  async sync(userId: string, connectionId: string): Promise<Connection | undefined> {
    const { access, provider, accounts, cache } = this.#deps
    const connection = (await this.get(userId, connectionId, 'strong'))?.value
    if (connection === undefined) return undefined
    const askedAt = await accounts.now()
    // Asked anew: what was cached of it is no news.
    const found = await access
      .ask(connection, token => provider.listAccounts(token))
      .catch(async error => {
        // Whoever disconnects in the meantime has its tokens revoked.
        if ((await this.get(userId, connectionId, 'strong')) === undefined) return undefined
        throw error
      })
    if (found === undefined) return undefined
    return this.#changeAccounts(connection, async () => {
      const write = () => accounts.replaceOfConnection(connectionId, { accounts: found, askedAt })
      return (await cache.change(refOf(connection), write, { keepsSecrets: true })).value
    })
  }

  /** With its accounts. `false` when the user has no such connection. */
  async disconnect(userId: string, connectionId: string): Promise<boolean> {
    const { repository, provider, cache, warn } = this.#deps
    const connection = (await this.get(userId, connectionId, 'strong'))?.value
    if (connection === undefined) return false
    const deleted = await this.#changeAccounts(connection, async () => {
      return (await cache.change(refOf(connection), () => repository.delete(connectionId))).value
    })
    if (deleted === undefined) return false
    // It is no connection any more, whether or not the provider hears of it.
    const { refreshToken } = deleted
    if (refreshToken !== undefined) {
      provider.revoke(refreshToken).catch(error => warn(error, 'a token was not revoked'))
    }
    return true
  }

  async #changeAccounts<T>({ id, userId }: Connection, write: () => Promise<T>): Promise<T> {
    const { cachedAccounts, tags } = this.#deps
    const what = { userId, connectionId: id, tags: [tags.accountsOfUser({ userId })] }
    return (await cachedAccounts.change(what, write)).value
  }
}
