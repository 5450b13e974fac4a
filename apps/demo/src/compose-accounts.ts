import type { AccountsKeys } from '@dashtam/accounts-cache'
import { createAccountsCache } from '@dashtam/accounts-cache'
import { registerAccountsMetrics } from '@dashtam/accounts-cache/prometheus'
import { json } from '@dashtam/cache-codecs'
import { defineTags } from '@dashtam/cache-keys'
import {
  createProviderConnectionCache,
  type ProviderConnectionKeys,
  type ProviderToken
} from '@dashtam/provider-connection-cache'
import { registerProviderConnectionMetrics } from '@dashtam/provider-connection-cache/prometheus'
import type { FastifyInstance } from 'fastify'
import type { Kysely } from 'kysely'
import type { Registry } from 'prom-client'
import { Accounts, type AccountsDeps, STALE_SECONDS } from './application/accounts.ts'
import { Connections } from './application/connections.ts'
import type { AccountFilter, ProviderClient } from './application/ports.ts'
import { ProviderAccess } from './application/provider-access.ts'
import type { Account } from './domain/account.ts'
import type { Connection } from './domain/connection.ts'
import type { ProviderResponse } from './domain/provider.ts'
import type { Transaction } from './domain/transaction.ts'
import { accountCodec, accountListCodec } from './infrastructure/cache/account-codecs.ts'
import { connectionCodec, connectionListCodec } from './infrastructure/cache/connection-codecs.ts'
import { providerCodec, transactionsCodec } from './infrastructure/cache/provider-codecs.ts'
import { createAccountRepository } from './infrastructure/database/account-repository.ts'
import { createConnectionRepository } from './infrastructure/database/connection-repository.ts'
import type { Database } from './infrastructure/database/schema.ts'
import { createSealedText, keyRingOf } from './infrastructure/security/sealed-text.ts'
import type { Settings } from './settings.ts'

const PAGE_SIZE = 20

export interface AccountsParts {
  readonly app: FastifyInstance
  readonly db: Kysely<Database>
  readonly keys: AccountsKeys & ProviderConnectionKeys & AccountsDeps['keys']
  readonly registry: Registry
  readonly settings: Settings
  readonly provider: ProviderClient
  /** What refresh tokens and cached tokens are encrypted with. */
  readonly secret: string
}

/** Accounts, and the connections by which they are read. */
export function composeAccounts({ app, db, keys, registry, settings, provider, secret }: AccountsParts) {
  const { cache } = app
  const repository = createAccountRepository(db)
  const connectionRepository = createConnectionRepository(db, createSealedText(secret))
  const cachedConnections = createProviderConnectionCache<Connection>({
    cache,
    keys,
    ttlSeconds: settings.CACHE_TTL_CONNECTIONS,
    connectionCodec,
    listCodec: connectionListCodec,
    tokenCodec: json<ProviderToken | null>({
      compression: false,
      encryption: keyRingOf(secret, 'dashtam access tokens')
    }),
    source: {
      findConnection: connectionId => connectionRepository.find(connectionId),
      listConnections: userId => connectionRepository.listOfUser(userId),
      obtainToken: ({ connectionId }) => connectionRepository.renewGrant(connectionId, token => provider.refresh(token))
    }
  })
  const access = new ProviderAccess(cachedConnections)
  const connectionOf = async (connectionId: string) => (await cachedConnections.get(connectionId)).value
  const cachedAccounts = createAccountsCache<Account, ProviderResponse | null, Transaction, AccountFilter>({
    cache,
    keys,
    ttlSeconds: settings.CACHE_TTL_ACCOUNTS,
    providerTtlSeconds: settings.CACHE_TTL_PROVIDER,
    staleSeconds: STALE_SECONDS,
    codecs: { accounts: accountListCodec, provider: providerCodec, transactions: transactionsCodec },
    source: {
      listAccounts: (userId, filter) => repository.listOfOwner(userId, filter),
      async fetchProviderAccounts(connectionId, { signal }) {
        const connection = await connectionOf(connectionId)
        if (connection === null) return null
        const accounts = await access.ask(connection, token => provider.listAccounts(token, signal))
        return { accounts, askedAt: new Date().toISOString() }
      },
      async listTransactions({ userId, accountId, page }, context) {
        const ref = await repository.findProviderRef(userId, accountId)
        if (ref === undefined) return repository.listTransactions(userId, accountId, { number: page, size: PAGE_SIZE })
        const connection = await connectionOf(ref.connectionId)
        if (connection === null) return []
        const { providerAccountId } = ref
        return access.ask(connection, token =>
          provider.listTransactions(token, { providerAccountId, page }, context?.signal)
        )
      }
    }
  })
  registerProviderConnectionMetrics(cachedConnections, { registry })
  registerAccountsMetrics(cachedAccounts, { registry })

  const tags = defineTags({}, { accountsOfUser: 'accounts:user:{userId}' })
  return {
    accounts: new Accounts({
      repository,
      cachedAccounts,
      cache,
      keys,
      tags,
      codec: accountCodec,
      ttlSeconds: settings.CACHE_TTL_ACCOUNTS
    }),
    connections: new Connections({
      repository: connectionRepository,
      accounts: repository,
      provider,
      access,
      cache: cachedConnections,
      cachedAccounts,
      tags,
      warn: (err, message) => app.log.warn({ err }, message)
    })
  }
}
