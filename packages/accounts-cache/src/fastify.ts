import type { ReadThrough } from '@dashtam/cache-protocol'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { type AccountsCache, type AccountsCacheOptions, createAccountsCache } from './accounts-cache.ts'
import type { Account } from './accounts-source.ts'

/**
 * What `app.accounts` holds: say `account`, `response` of the provider, `transaction` and `filter` by declaration merging.
 * What is not said is unknown, and an account has its `id`.
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is for apps to extend
export interface AccountsTypes {}

type AppAccount = AccountsTypes extends { readonly account: infer A extends Account } ? A : Account
type AppResponse = AccountsTypes extends { readonly response: infer R } ? R : unknown
type AppTransaction = AccountsTypes extends { readonly transaction: infer T } ? T : unknown
type AppFilter = AccountsTypes extends { readonly filter: infer F } ? F : unknown

type AppCache = AccountsCache<AppAccount, AppResponse, AppTransaction, AppFilter>
type AppOptions = AccountsCacheOptions<AppAccount, AppResponse, AppTransaction, AppFilter>

declare module 'fastify' {
  interface FastifyInstance {
    /** The accounts of users, cached. */
    accounts: AppCache
  }
}

export interface AccountsPluginOptions extends Omit<AppOptions, 'cache'> {
  /** @defaultValue `app.cache` of `@dashtam/fastify-cache` */
  readonly cache?: AppOptions['cache']
}

const plugin: FastifyPluginAsync<AccountsPluginOptions> = async (app, options) => {
  const { cache = cacheOf(app), ...rest } = options
  app.decorate('accounts', createAccountsCache({ ...rest, cache }))
}

/** Makes `app.accounts`. */
export const fastifyAccounts = fp(plugin, { name: '@dashtam/accounts-cache', fastify: '5.x' })
export default fastifyAccounts

function cacheOf(app: { hasDecorator(name: string): boolean }): AppOptions['cache'] {
  if (!app.hasDecorator('cache')) {
    throw new TypeError(
      '@dashtam/accounts-cache needs @dashtam/fastify-cache registered before it, or the option cache'
    )
  }
  return (app as unknown as { readonly cache: ReadThrough }).cache
}
