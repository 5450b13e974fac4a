import type { ReadThrough } from '@dashtam/cache-protocol'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import {
  createSecurityConfigCache,
  type SecurityConfigCache,
  type SecurityConfigCacheOptions
} from './security-config-cache.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The versions below which no token is valid. */
    securityConfig: SecurityConfigCache
  }
}

export interface SecurityConfigPluginOptions extends Omit<SecurityConfigCacheOptions, 'cache'> {
  /** @defaultValue `app.cache` of `@dashtam/fastify-cache` */
  readonly cache?: SecurityConfigCacheOptions['cache']
}

const plugin: FastifyPluginAsync<SecurityConfigPluginOptions> = async (app, options) => {
  const { cache = cacheOf(app), ...rest } = options
  app.decorate('securityConfig', createSecurityConfigCache({ ...rest, cache }))
}

/** Makes `app.securityConfig`. */
export const fastifySecurityConfig = fp(plugin, { name: '@dashtam/security-config-cache', fastify: '5.x' })
export default fastifySecurityConfig

function cacheOf(app: { hasDecorator(name: string): boolean }): SecurityConfigCacheOptions['cache'] {
  if (!app.hasDecorator('cache')) {
    throw new TypeError(
      '@dashtam/security-config-cache needs @dashtam/fastify-cache registered before it, or the option cache'
    )
  }
  return (app as unknown as { readonly cache: ReadThrough }).cache
}
