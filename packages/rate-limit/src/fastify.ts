import type { TokenBucket, TokenLimit } from '@dashtam/cache-protocol'
import { problemOfTokens, refuseUnknown } from '@dashtam/cache-protocol/adapter'
import type { FastifyPluginAsync, FastifyRequest, onRequestAsyncHookHandler, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { rateLimitHeaders } from './headers.ts'
import {
  createRateLimiter,
  type LimitUse,
  type RateDecision,
  type RateLimiter,
  type RateLimiterOptions
} from './rate-limiter.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The limiter that the routes share, for limits that are no matter of a route. */
    rateLimiter: RateLimiter
  }
  interface FastifyContextConfig {
    /** The names of the limits of this route; `false`: none. @defaultValue those of the option `everywhere` */
    limits?: readonly string[] | false
  }
}

/** A limit of requests. */
export interface RouteLimit extends TokenLimit {
  /**
   * Whose request it is: those with the same answer share a bucket. `undefined`: this limit is not for him.
   * @defaultValue the address, `request.ip`
   */
  readonly by?: (request: FastifyRequest) => string | undefined
  /** Whether each route has buckets of its own. @defaultValue false: all that it is for share one */
  readonly perEndpoint?: boolean
  /** How many tokens a request takes: an integer from 1 to the capacity. @defaultValue 1 */
  readonly cost?: (request: FastifyRequest) => number
}

export interface RateLimitPluginOptions extends Partial<Omit<RateLimiterOptions, 'onError'>> {
  /** The limits, by name: 1 to 64 of `A-Z a-z 0-9 _ -`. */
  readonly limits: Readonly<Record<string, RouteLimit>>
  /** Where the buckets are: `defineKeys` with the family `rateLimit` of `dashtamFamilies`. */
  readonly keys: { rateLimit(params: { readonly userId: string; readonly endpoint: string }): string }
  /** The names of the limits of routes that say nothing. @defaultValue all */
  readonly everywhere?: readonly string[]
  /**
   * When a request is looked at: after the hooks of this kind that the app and the route have themselves, so that what
   * they have found out (who it is) is known.
   * @defaultValue 'onRequest'
   */
  readonly hook?: 'onRequest' | 'preParsing' | 'preValidation' | 'preHandler'
}

/** Thrown for a request over its limit; the header fields are set already. */
export class RateLimitedError extends Error {
  override readonly name = 'RateLimitedError'
  readonly code = 'RATE_LIMITED'
  readonly statusCode = 429
  readonly decision: RateDecision

  constructor(decision: RateDecision) {
    super(`Too many requests: try again in ${Math.ceil(decision.retryAfterMs / 1_000)} s.`)
    this.decision = decision
  }
}

interface NamedLimit extends RouteLimit {
  readonly name: string
}

const HOOKS: readonly unknown[] = ['onRequest', 'preParsing', 'preValidation', 'preHandler']
const NAME = /^[A-Za-z0-9_-]{1,64}$/
const EVERY_ENDPOINT = '*'
const KNOWN = ['limits', 'keys', 'everywhere', 'hook', 'buckets', 'localBuckets', 'localShare', 'maxRefusals', 'clock']

const plugin: FastifyPluginAsync<RateLimitPluginOptions> = async (app, options) => {
  checkOptions(options)
  const { limits, keys, everywhere = Object.keys(limits), hook = 'onRequest', ...limiterOptions } = options
  const limiter = createRateLimiter({
    ...bucketsOf(app, options),
    ...limiterOptions,
    onError: error => app.log.debug({ code: error.code, reason: error.reason }, 'a limit is kept by this process alone')
  } as RateLimiterOptions)
  const named = new Map(Object.entries(limits).map(([name, limit]) => [name, { ...limit, name }]))
  namesAre(named, everywhere, 'everywhere')
  app.decorate('rateLimiter', limiter)
  app.addHook('onRoute', route => {
    const names = route.config?.limits ?? everywhere
    if (names === false || names.length === 0) return
    namesAre(named, names, `the route ${route.url}`)
    const ofRoute = names.map(name => named.get(name) as NamedLimit)
    const endpoint = endpointOf(route)
    addTo(route, hook, async (request, reply) => {
      const decision = await limiter.consume(usesOf(ofRoute, request, endpoint, keys))
      reply.headers(rateLimitHeaders(decision))
      if (!decision.isAllowed) throw new RateLimitedError(decision)
    })
  })
}

/**
 * Limits the routes that are registered after it, and decorates the app with `rateLimiter`. With `@dashtam/fastify-cache`
 * the buckets are those of the app's cache; otherwise say `buckets` and `localBuckets`.
 */
export const fastifyRateLimit = fp(plugin, { name: '@dashtam/rate-limit', fastify: '5.x' })
export default fastifyRateLimit

function usesOf(
  limits: readonly NamedLimit[],
  request: FastifyRequest,
  endpoint: string,
  keys: RateLimitPluginOptions['keys']
): LimitUse[] {
  const uses: LimitUse[] = []
  for (const { name, capacity, refillSeconds, by, perEndpoint, cost } of limits) {
    const subject = by === undefined ? request.ip : by(request)
    if (subject === undefined) continue
    const key = keys.rateLimit({ userId: `${name}:${subject}`, endpoint: perEndpoint ? endpoint : EVERY_ENDPOINT })
    uses.push({ name, key, limit: { capacity, refillSeconds }, ...(cost && { cost: cost(request) }) })
  }
  return uses
}

/** HEAD is the GET that it stands for. */
function endpointOf({ method, url }: RouteOptions): string {
  const methods = [method].flat().map(each => (each === 'HEAD' ? 'GET' : each))
  return `${[...new Set(methods)].join(',')} ${url.replace(/(?<=.)\/$/, '')}`
}

function addTo(
  route: RouteOptions,
  hook: NonNullable<RateLimitPluginOptions['hook']>,
  handler: onRequestAsyncHookHandler
): void {
  route[hook] = [...[route[hook] ?? []].flat(), handler] as never
}

interface CacheBuckets {
  readonly shared: TokenBucket
  readonly local: TokenBucket
}

function bucketsOf(
  app: { hasDecorator(name: string): boolean },
  options: RateLimitPluginOptions
): Pick<RateLimiterOptions, 'buckets' | 'localBuckets'> | undefined {
  if (options.buckets !== undefined && options.localBuckets !== undefined) return undefined
  if (!app.hasDecorator('cacheBuckets')) {
    throw new TypeError(
      '@dashtam/rate-limit needs @dashtam/fastify-cache registered before it, or the options buckets and localBuckets'
    )
  }
  const { shared, local } = (app as unknown as { readonly cacheBuckets: CacheBuckets }).cacheBuckets
  return { buckets: shared, localBuckets: local }
}

function namesAre(known: ReadonlyMap<string, unknown>, names: readonly string[], where: string): void {
  const unknown = names.find(name => !known.has(name))
  if (unknown === undefined) return
  throw new TypeError(`${where}: there is no limit '${unknown}', expected one of ${[...known.keys()].join(', ')}`)
}

function checkOptions(options: RateLimitPluginOptions): void {
  refuseUnknown(options, KNOWN)
  if (options.hook !== undefined && !HOOKS.includes(options.hook)) {
    throw new TypeError(`hook must be one of ${HOOKS.join(', ')}, got ${String(options.hook)}`)
  }
  if (typeof options.limits !== 'object' || options.limits === null) {
    throw new TypeError(`limits must be an object of limits by name, got ${typeof options.limits}`)
  }
  if (typeof options.keys?.rateLimit !== 'function') throw new TypeError('keys must have the function rateLimit')
  for (const [name, limit] of Object.entries(options.limits)) {
    if (!NAME.test(name)) throw new TypeError('limits: a name must be 1 to 64 of A-Z a-z 0-9 _ -')
    const problem = problemOfTokens(limit, 1)
    if (problem !== undefined) throw new TypeError(`limits.${name}: ${problem}`)
  }
}
