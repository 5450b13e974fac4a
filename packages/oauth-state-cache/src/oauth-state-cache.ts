import { createHash } from 'node:crypto'
import { type CacheError, type CacheProtocol, err, ok, type Result } from '@dashtam/cache-protocol'
import { isSecret, randomSecret, seal, unseal } from './seal.ts'

export interface OAuthStateCacheOptions {
  /** Where states are kept. Those of a fleet are in Redis, or a callback finds only what its own process began. */
  readonly cache: Pick<CacheProtocol, 'set' | 'take'>
  /** `defineKeys` with the family `oauthState` of `dashtamFamilies`. */
  readonly keys: { oauthState(params: { readonly state: string }): string }
  /** How long a user may take, in seconds, above 0. @defaultValue 600 */
  readonly ttlSeconds?: number
}

/** Who connects what. */
export interface OAuthFlow {
  readonly userId: string
  readonly provider: string
  /** What the user calls the connection. */
  readonly alias?: string
}

/** What the authorization request and the browser need. */
export interface CreatedState {
  /** The parameter `state` of the authorization request: 43 characters. */
  readonly state: string
  /** The parameter `code_challenge` (RFC 7636). */
  readonly codeChallenge: string
  /** The parameter `code_challenge_method`. */
  readonly codeChallengeMethod: 'S256'
  /** For a cookie of the browser that begins, HttpOnly: without it the state is worth nothing. 43 characters. */
  readonly browserToken: string
}

/** A flow that comes back, once. */
export interface PendingFlow extends OAuthFlow {
  /** The parameter `code_verifier` of the token request. */
  readonly codeVerifier: string
}

export interface ConsumeOptions {
  /** As the callback was called with it. Whatever it is, it is looked at before it is used. */
  readonly state: unknown
  /** As the browser has sent it. */
  readonly browserToken: unknown
  /** Who is signed in, if that is known: nobody may end what another has begun. */
  readonly userId?: string
}

/** Why a flow does not go on. Safe to log. */
export interface OAuthStateError {
  /**
   * `invalid_state`: used already, expired, never issued, of another browser or of another user; nobody is told which.
   * `unavailable`: the cache cannot say, so that nothing is let through.
   */
  readonly code: 'invalid_state' | 'unavailable'
  /** For humans. */
  readonly message: string
  readonly cause?: CacheError
}

/** What has become of states since the cache was made. */
export interface OAuthStateStats {
  readonly created: number
  readonly consumed: number
  readonly invalid: number
  readonly unavailable: number
}

const DEFAULT_TTL_SECONDS = 600

const INVALID: OAuthStateError = Object.freeze({
  code: 'invalid_state',
  message: 'The state is not one that this browser has begun with, or it was used or has expired. Begin again.'
})

/** The states of OAuth flows. Made by {@link createOAuthStateCache}. */
export class OAuthStateCache {
  readonly #cache: OAuthStateCacheOptions['cache']
  readonly #keys: OAuthStateCacheOptions['keys']
  readonly #stats = { created: 0, consumed: 0, invalid: 0, unavailable: 0 }
  /** In seconds. */
  readonly ttlSeconds: number

  /** @internal */
  constructor({ cache, keys, ttlSeconds = DEFAULT_TTL_SECONDS }: OAuthStateCacheOptions) {
    if (typeof keys?.oauthState !== 'function') throw new TypeError('keys must have the function oauthState')
    // Written so that NaN fails.
    if (!(typeof ttlSeconds === 'number' && ttlSeconds > 0 && ttlSeconds < Infinity)) {
      throw new TypeError(`ttlSeconds must be a number above 0, got ${String(ttlSeconds)}`)
    }
    this.#cache = cache
    this.#keys = keys
    this.ttlSeconds = ttlSeconds
  }

  /**
   * Begins a flow. What the cache holds of it is encrypted under the browser's token, which is kept nowhere else: whoever
   * reads the cache learns nothing, and no other browser can end the flow.
   *
   * @throws TypeError when `userId`, `provider` or `alias` is no string.
   */
  async create({ userId, provider, alias }: OAuthFlow): Promise<Result<CreatedState, OAuthStateError>> {
    for (const [name, value] of Object.entries({ userId, provider, alias: alias ?? '' })) {
      if (typeof value !== 'string') throw new TypeError(`${name} must be a string, got ${typeof value}`)
    }
    const state = randomSecret()
    const browserToken = randomSecret()
    const codeVerifier = randomSecret()
    const key = this.#keys.oauthState({ state })
    const flow: PendingFlow = { userId, provider, codeVerifier, ...(alias !== undefined && { alias }) }
    const stored = await this.#cache.set(key, seal(JSON.stringify(flow), browserToken, key), {
      ttlSeconds: this.ttlSeconds
    })
    if (!stored.ok) return this.#unavailable(stored.error)
    this.#stats.created++
    const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url')
    return ok({ state, codeChallenge, codeChallengeMethod: 'S256', browserToken })
  }

  /**
   * Takes a flow up again. A state is taken with the first attempt, whatever comes of it, and of many at once one gets it.
   */
  async consume({ state, browserToken, userId }: ConsumeOptions): Promise<Result<PendingFlow, OAuthStateError>> {
    if (!isSecret(state)) return this.#invalid()
    const key = this.#keys.oauthState({ state })
    const taken = await this.#cache.take(key)
    if (!taken.ok) return this.#unavailable(taken.error)
    if (taken.value === undefined || !isSecret(browserToken)) return this.#invalid()
    const text = unseal(taken.value, browserToken, key)
    if (text === undefined) return this.#invalid()
    // Nobody but create() knows the token, so that this is what it has sealed.
    const flow = JSON.parse(text) as PendingFlow
    if (userId !== undefined && userId !== flow.userId) return this.#invalid()
    this.#stats.consumed++
    return ok(flow)
  }

  stats(): OAuthStateStats {
    return { ...this.#stats }
  }

  #invalid(): Result<never, OAuthStateError> {
    this.#stats.invalid++
    return err(INVALID)
  }

  #unavailable(cause: CacheError): Result<never, OAuthStateError> {
    this.#stats.unavailable++
    return err({ code: 'unavailable', message: 'The state cannot be checked now. Try again later.', cause })
  }
}

/**
 * Makes the cache of OAuth states.
 *
 * @throws TypeError when an option is wrong.
 */
export function createOAuthStateCache(options: OAuthStateCacheOptions): OAuthStateCache {
  return new OAuthStateCache(options)
}
