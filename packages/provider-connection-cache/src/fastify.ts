import type { ReadThrough } from '@dashtam/cache-protocol'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import {
  createProviderConnectionCache,
  type ProviderConnectionCache,
  type ProviderConnectionCacheOptions
} from './provider-connection-cache.ts'

/** What `connection` and `credentials` are to the app: extend it by declaration merging. */
// biome-ignore lint/suspicious/noEmptyInterface: it is for apps to extend
export interface ProviderConnectionTypes {}

type Of<Name extends string> = ProviderConnectionTypes extends { readonly [N in Name]: infer T } ? T : unknown

declare module 'fastify' {
  interface FastifyInstance {
    /** Connections of users to providers, cached. */
    providerConnections: ProviderConnectionCache<Of<'connection'>, Of<'credentials'>>
  }
}

export interface ProviderConnectionPluginOptions
  extends Omit<ProviderConnectionCacheOptions<Of<'connection'>, Of<'credentials'>>, 'cache'> {
  /** @defaultValue `app.cache` of `@dashtam/fastify-cache` */
  readonly cache?: ProviderConnectionCacheOptions<unknown>['cache']
}

const plugin: FastifyPluginAsync<ProviderConnectionPluginOptions> = async (app, options) => {
  const { cache = cacheOf(app), ...rest } = options
  app.decorate('providerConnections', createProviderConnectionCache({ ...rest, cache }))
}

/** Makes `app.providerConnections`. */
export const fastifyProviderConnections = fp(plugin, { name: '@dashtam/provider-connection-cache', fastify: '5.x' })
export default fastifyProviderConnections

function cacheOf(app: { hasDecorator(name: string): boolean }): ProviderConnectionCacheOptions<unknown>['cache'] {
  if (!app.hasDecorator('cache')) {
    throw new TypeError(
      '@dashtam/provider-connection-cache needs @dashtam/fastify-cache registered before it, or the option cache'
    )
  }
  return (app as unknown as { readonly cache: ReadThrough }).cache
}
