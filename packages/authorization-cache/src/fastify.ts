import type { ReadThrough } from '@dashtam/cache-protocol'
import { refuseUnknown } from '@dashtam/cache-protocol/adapter'
import type { FastifyPluginAsync, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import {
  type AuthorizationCache,
  type AuthorizationCacheOptions,
  type CheckOptions,
  createAuthorizationCache
} from './authorization-cache.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Decisions of Casbin, cached. */
    authorization: AuthorizationCache
    /** A hook that lets through whom the policy allows it. */
    requirePermission(resource: string, action: string, options?: CheckOptions): preHandlerAsyncHookHandler
    /** A hook that lets through who has the role. */
    requireRole(role: string, options?: CheckOptions): preHandlerAsyncHookHandler
  }
}

export interface AuthorizationPluginOptions extends Omit<AuthorizationCacheOptions, 'cache'> {
  /** @defaultValue `app.cache` of `@dashtam/fastify-cache` */
  readonly cache?: AuthorizationCacheOptions['cache']
  /** Who makes the request; `undefined` when nobody is signed in. */
  readonly userOf: (request: FastifyRequest) => string | undefined
}

/** Thrown by the hooks: 401 when nobody is signed in, 403 when he may not. */
export class AuthorizationError extends Error {
  override readonly name = 'AuthorizationError'
  readonly statusCode: 401 | 403
  readonly code: 'UNAUTHENTICATED' | 'FORBIDDEN'

  constructor(statusCode: 401 | 403) {
    super(statusCode === 401 ? 'Sign in first.' : 'You may not do this.')
    this.statusCode = statusCode
    this.code = statusCode === 401 ? 'UNAUTHENTICATED' : 'FORBIDDEN'
  }
}

const KNOWN = ['cache', 'keys', 'createEnforcer', 'ttlSeconds', 'tag', 'userOf']

const plugin: FastifyPluginAsync<AuthorizationPluginOptions> = async (app, options) => {
  refuseUnknown(options, KNOWN)
  const { userOf, cache = cacheOf(app), ...rest } = options
  if (typeof userOf !== 'function') throw new TypeError('userOf must be a function')
  const authorization = createAuthorizationCache({ ...rest, cache })
  const requires = (isAllowed: (userId: string) => Promise<boolean>): preHandlerAsyncHookHandler => {
    return async request => {
      const userId = userOf(request)
      if (userId === undefined) throw new AuthorizationError(401)
      if (!(await isAllowed(userId))) throw new AuthorizationError(403)
    }
  }
  app.decorate('authorization', authorization)
  app.decorate('requirePermission', (resource: string, action: string, checkOptions?: CheckOptions) =>
    requires(userId => authorization.isAllowed({ userId, resource, action }, checkOptions))
  )
  app.decorate('requireRole', (role: string, checkOptions?: CheckOptions) =>
    requires(userId => authorization.hasRole(userId, role, checkOptions))
  )
}

/** Makes `app.authorization`, and the hooks `app.requirePermission` and `app.requireRole`. */
export const fastifyAuthorization = fp(plugin, { name: '@dashtam/authorization-cache', fastify: '5.x' })
export default fastifyAuthorization

function cacheOf(app: { hasDecorator(name: string): boolean }): AuthorizationCacheOptions['cache'] {
  if (!app.hasDecorator('cache')) {
    throw new TypeError(
      '@dashtam/authorization-cache needs @dashtam/fastify-cache registered before it, or the option cache'
    )
  }
  return (app as unknown as { readonly cache: ReadThrough }).cache
}
