import type { CacheProtocol } from '@dashtam/cache-protocol'
import { refuseUnknown } from '@dashtam/cache-protocol/adapter'
import fastifyCookie from '@fastify/cookie'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import {
  type CreatedState,
  createOAuthStateCache,
  type OAuthFlow,
  type OAuthStateCache,
  type OAuthStateCacheOptions,
  type OAuthStateError,
  type PendingFlow
} from './oauth-state-cache.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Begins and ends OAuth flows. */
    oauthState: OAuthStates
  }
}

export interface OAuthStatePluginOptions extends Omit<OAuthStateCacheOptions, 'cache'> {
  /** Where states are kept. @defaultValue `app.cacheStore` of `@dashtam/fastify-cache` */
  readonly cache?: OAuthStateCacheOptions['cache']
  /**
   * Whether the browser sends the cookie over HTTPS alone. `false` is for development without: then a neighbour on the
   * same site can set it too.
   * @defaultValue true
   */
  readonly secure?: boolean
}

/** Thrown by `consume`: 400 `invalid_state`; and by both when the cache is away: 503 `OAUTH_STATE_UNAVAILABLE`. */
export class OAuthFlowError extends Error {
  override readonly name = 'OAuthFlowError'
  readonly statusCode: 400 | 503
  readonly code: 'invalid_state' | 'OAUTH_STATE_UNAVAILABLE'

  constructor({ code, message, cause }: OAuthStateError) {
    super(message, { cause })
    this.statusCode = code === 'invalid_state' ? 400 : 503
    this.code = code === 'invalid_state' ? code : 'OAUTH_STATE_UNAVAILABLE'
  }
}

/** So many flows may be open in one browser; the oldest is forgotten. */
const MAX_OPEN_FLOWS = 5

/** What `app.oauthState` is: the states, and the cookies that bind them to a browser. */
export class OAuthStates {
  readonly #states: OAuthStateCache
  readonly #secure: boolean
  readonly #prefix: string

  /** @internal */
  constructor(states: OAuthStateCache, secure: boolean) {
    this.#states = states
    this.#secure = secure
    // A browser takes a cookie of this name from this host alone, and over HTTPS.
    this.#prefix = secure ? '__Host-oauth-' : 'oauth-'
  }

  /**
   * Begins a flow: sets the cookie, and answers what the authorization request needs.
   *
   * @throws OAuthFlowError 503 when the cache is away.
   */
  async create(
    request: FastifyRequest,
    reply: FastifyReply,
    flow: OAuthFlow
  ): Promise<Omit<CreatedState, 'browserToken'>> {
    const created = await this.#states.create(flow)
    if (!created.ok) throw new OAuthFlowError(created.error)
    const { browserToken, ...rest } = created.value
    const open = Object.keys(request.cookies).filter(name => name.startsWith(this.#prefix))
    for (const name of open.slice(0, Math.max(0, open.length - MAX_OPEN_FLOWS + 1))) this.#clear(reply, name)
    reply.setCookie(this.#cookieOf(rest.state), browserToken, {
      ...this.#attributes(),
      maxAge: Math.ceil(this.#states.ttlSeconds)
    })
    return rest
  }

  /**
   * Takes a flow up again, with the parameter `state` of the callback, and clears its cookie.
   *
   * @throws OAuthFlowError 400 for a state that is not one of this browser's, 503 when the cache is away.
   */
  async consume(
    request: FastifyRequest,
    reply: FastifyReply,
    { state, userId }: { readonly state: unknown; readonly userId?: string }
  ): Promise<PendingFlow> {
    const name = this.#cookieOf(typeof state === 'string' ? state : '')
    const browserToken = Object.hasOwn(request.cookies, name) ? request.cookies[name] : undefined
    const consumed = await this.#states.consume({ state, browserToken, ...(userId !== undefined && { userId }) })
    // When the cache is away the state may still be there for another attempt.
    const isOver = consumed.ok || consumed.error.code === 'invalid_state'
    if (isOver && browserToken !== undefined) this.#clear(reply, name)
    if (!consumed.ok) throw new OAuthFlowError(consumed.error)
    return consumed.value
  }

  stats(): ReturnType<OAuthStateCache['stats']> {
    return this.#states.stats()
  }

  #cookieOf(state: string): string {
    return this.#prefix + state.slice(0, 8)
  }

  #clear(reply: FastifyReply, name: string): void {
    reply.clearCookie(name, this.#attributes())
  }

  /**
   * Lax: the callback is a navigation that comes from another site. What the app has set up for its other cookies does not
   * hold for these.
   */
  #attributes() {
    return {
      path: '/',
      httpOnly: true,
      sameSite: 'lax',
      secure: this.#secure,
      domain: undefined as never,
      signed: false
    } as const
  }
}

const KNOWN = ['cache', 'keys', 'ttlSeconds', 'secure']

const plugin: FastifyPluginAsync<OAuthStatePluginOptions> = async (app, options) => {
  refuseUnknown(options, KNOWN)
  const { secure = true, cache = cacheOf(app), ...rest } = options
  if (!app.hasReplyDecorator('setCookie')) await app.register(fastifyCookie)
  app.decorate('oauthState', new OAuthStates(createOAuthStateCache({ ...rest, cache }), secure))
}

/** Makes `app.oauthState`. Registers `@fastify/cookie` if the app has not. */
export const fastifyOAuthState = fp(plugin, { name: '@dashtam/oauth-state-cache', fastify: '5.x' })
export default fastifyOAuthState

function cacheOf(app: { hasDecorator(name: string): boolean }): OAuthStateCacheOptions['cache'] {
  if (!app.hasDecorator('cacheStore')) {
    throw new TypeError(
      '@dashtam/oauth-state-cache needs @dashtam/fastify-cache registered before it, or the option cache'
    )
  }
  return (app as unknown as { readonly cacheStore: CacheProtocol }).cacheStore
}
