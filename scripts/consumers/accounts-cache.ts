import assert from 'node:assert/strict'
import { type AccountsSource, createAccountsCache } from '@dashtam/accounts-cache'
import { fastifyAccounts } from '@dashtam/accounts-cache/fastify'
import { registerAccountsMetrics } from '@dashtam/accounts-cache/prometheus'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { createReadThrough } from '@dashtam/cache-tiered'
import Fastify from 'fastify'
import { Registry } from 'prom-client'

interface Account {
  readonly id: string
  readonly name: string
}

declare module '@dashtam/accounts-cache/fastify' {
  interface AccountsTypes {
    readonly account: Account
    readonly transaction: string
  }
}

const keys = defineKeys({ prefix: 'shop', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
let balance = 1
const source: AccountsSource<Account, number, string> = {
  listAccounts: async userId => (userId === '42' ? [{ id: 'a1', name: 'checking' }] : []),
  fetchProviderAccounts: async () => balance,
  listTransactions: async ({ page }) => (page === 1 ? ['coffee'] : [])
}

export async function use(): Promise<void> {
  const cache = createReadThrough({ keyspace: 'shop' })
  const accounts = createAccountsCache({ cache, keys, source })
  registerAccountsMetrics(accounts, { registry: new Registry() })
  const page = await accounts.transactions({ userId: '42', accountId: 'a1', page: 1 })
  assert.deepEqual(page?.value, ['coffee'])
  assert.equal(await accounts.transactions({ userId: '43', accountId: 'a1', page: 1 }), undefined)
  const answered: number = (await accounts.providerAccounts({ connectionId: 'c1' })).value
  assert.equal(answered, 1)
  await accounts.change({ userId: '42', connectionId: 'c1' }, () => ++balance)
  assert.equal((await accounts.providerAccounts({ connectionId: 'c1' })).value, 2)
  await cache.close()

  const app = Fastify()
  const own = createReadThrough({ keyspace: 'shop' })
  await app.register(fastifyAccounts, { cache: own, keys, source })
  const name: string | undefined = (await app.accounts.list('42')).value[0]?.name
  assert.equal(name, 'checking')
  await app.close()
  await own.close()
}
