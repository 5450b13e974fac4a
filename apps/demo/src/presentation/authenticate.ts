import type { FastifyInstance } from 'fastify'
import type { AccessTokens } from '../application/ports.ts'
import { sendProblem } from './problem.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks. Set on the routes that need to know it, before their handlers run. */
    userId: string
  }
}

/** Three parts of base64url (RFC 7515) behind the scheme, whose case does not matter (RFC 9110). */
const BEARER = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i

/** Lets only requests with a valid access token reach the routes of this scope. */
export function requireUser(app: FastifyInstance, tokens: AccessTokens): void {
  app.decorateRequest('userId', '')
  app.addHook('onRequest', async (request, reply) => {
    const token = BEARER.exec(request.headers.authorization ?? '')?.[1]
    const userId = token === undefined ? undefined : await tokens.userOf(token)
    if (userId !== undefined) {
      request.userId = userId
      return
    }
    // RFC 6750, section 3: no error code for a request that did not try.
    const challenge = token === undefined ? 'Bearer' : 'Bearer error="invalid_token"'
    return sendProblem(reply.header('www-authenticate', challenge), 401, 'A valid access token is needed.')
  })
}
