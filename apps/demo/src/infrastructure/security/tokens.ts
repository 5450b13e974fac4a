import { isSessionId } from '@dashtam/session-cache'
import { errors, jwtVerify, SignJWT } from 'jose'
import type { Bearer, Tokens } from '../../application/ports.ts'

const ALGORITHM = 'HS256'
const ISSUER = 'dashtam'

/** What tells one kind of token from another: RFC 9068 for access tokens, and for refresh tokens a type of our own. */
const ACCESS = { type: 'at+jwt', audience: 'dashtam-api' }
const REFRESH = { type: 'rt+jwt', audience: 'dashtam-tokens' }

/** As we issue them. In capital letters it would be the same user to the database, and another one to the cache. */
const USER_ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

export interface TokenLifetimes {
  readonly accessSeconds: number
  /** As long as a session may live. */
  readonly refreshSeconds: number
}

/**
 * Tokens as JSON Web Tokens, signed with a secret of at least 32 bytes. The claim `sid` is the session they stand on, `gv`
 * and `uv` are the versions that they were issued by.
 */
export function createTokens(secret: string, { accessSeconds, refreshSeconds }: TokenLifetimes): Tokens {
  const key = new TextEncoder().encode(secret)
  const issue = ({ userId, sessionId, versions }: Bearer, { type, audience }: typeof ACCESS, ttlSeconds: number) =>
    new SignJWT({ sid: sessionId, gv: versions.global, uv: versions.user })
      .setProtectedHeader({ alg: ALGORITHM, typ: type })
      .setSubject(userId)
      .setIssuer(ISSUER)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime(`${ttlSeconds}s`)
      .sign(key)
  const read = async (token: string, { type, audience }: typeof ACCESS): Promise<Bearer | undefined> => {
    try {
      const { payload: claims } = await jwtVerify(token, key, {
        algorithms: [ALGORITHM],
        typ: type,
        issuer: ISSUER,
        audience,
        requiredClaims: ['sub', 'sid', 'gv', 'uv', 'exp']
      })
      const { sub: userId, sid: sessionId, gv: global, uv: user } = claims as Readonly<Record<string, unknown>>
      if (typeof userId !== 'string' || typeof sessionId !== 'string') return undefined
      if (typeof global !== 'number' || typeof user !== 'number') return undefined
      return USER_ID.test(userId) && isSessionId(sessionId)
        ? { userId, sessionId, versions: { global, user } }
        : undefined
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined
      throw error
    }
  }
  return {
    async issue(bearer) {
      const [accessToken, refreshToken] = await Promise.all([
        issue(bearer, ACCESS, accessSeconds),
        issue(bearer, REFRESH, refreshSeconds)
      ])
      return { accessToken, refreshToken }
    },
    readAccess: token => read(token, ACCESS),
    readRefresh: token => read(token, REFRESH)
  }
}
