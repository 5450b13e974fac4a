import { type AccountsPluginOptions, fastifyAccounts } from '@dashtam/accounts-cache/fastify'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { fastifyCache } from '@dashtam/fastify-cache'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { Bank, type BankAccount, type Filter, type ProviderResponse } from './fixtures/bank.ts'

declare module '@dashtam/accounts-cache/fastify' {
  interface AccountsTypes {
    readonly account: BankAccount
    readonly response: ProviderResponse | null
    readonly transaction: string
    readonly filter: Filter
  }
}

const keys = defineKeys({ prefix: 'app', secret: 'a secret of at least 32 characters' }, dashtamFamilies)

async function open(t: Test, options: Partial<AccountsPluginOptions> = {}) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyCache, { keyspace: keys.prefix })
  await app.register(fastifyAccounts, { keys, source: new Bank(), ...options })
  app.get<{ Params: { userId: string; accountId: string } }>(
    '/:userId/accounts/:accountId/transactions',
    async (request, reply) => {
      const page = await app.accounts.transactions({ ...request.params, page: 1 })
      return page === undefined ? reply.code(404).send({}) : { first: page.value[0]?.toUpperCase() }
    }
  )
  return app
}

t.test('the plugin makes app.accounts', async t => {
  const app = await open(t)
  t.equal((await app.accounts.list('ann')).value[0]?.name, 'checking')
  t.equal((await app.accounts.providerAccounts({ connectionId: 'c1' })).value?.balance, 1)
  t.equal((await app.accounts.listFiltered('ann', { name: 'savings' }))[0]?.id, 'a2')
  t.strictSame((await app.inject('/ann/accounts/a1/transactions')).json(), { first: 'A1-1' })
  t.equal((await app.inject('/bob/accounts/a1/transactions')).statusCode, 404)
})

t.test('wrong options fail the boot, by name', async t => {
  await t.rejects(open(t, { ttl: 1 } as object), { name: 'TypeError', message: /^unknown option 'ttl'/ })
  await t.rejects(open(t, { source: undefined } as never), { message: /^source must have the function/ })
  const bare = Fastify()
  t.teardown(() => bare.close())
  await t.rejects(async () => bare.register(fastifyAccounts, { keys, source: new Bank() }), {
    message: /needs @dashtam\/fastify-cache registered before it, or the option cache$/
  })
})
