import { errors, jwtVerify, SignJWT } from 'jose'
import type { AccessTokens } from '../../application/ports.ts'

const ALGORITHM = 'HS256'
const ISSUER = 'dashtam'
const AUDIENCE = 'dashtam-api'

/** As we issue them. In capital letters it would be the same user to the database, and another one to the cache. */
const USER_ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

/** Access tokens as JSON Web Tokens (RFC 9068's profile of claims), signed with a secret of at least 32 bytes. */
export function createAccessTokens(secret: string, ttlSeconds: number): AccessTokens {
  const key = new TextEncoder().encode(secret)
  return {
    issue(userId) {
      return new SignJWT()
        .setProtectedHeader({ alg: ALGORITHM, typ: 'at+jwt' })
        .setSubject(userId)
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setIssuedAt()
        .setExpirationTime(`${ttlSeconds}s`)
        .sign(key)
    },

    async userOf(token) {
      try {
        const { payload: claims } = await jwtVerify(token, key, {
          algorithms: [ALGORITHM],
          typ: 'at+jwt',
          issuer: ISSUER,
          audience: AUDIENCE,
          requiredClaims: ['sub', 'exp']
        })
        const userId: unknown = claims.sub
        return typeof userId === 'string' && USER_ID.test(userId) ? userId : undefined
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined
        throw error
      }
    }
  }
}
