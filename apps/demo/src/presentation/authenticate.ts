import type { Session } from '@dashtam/session-cache'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Tokens } from '../application/ports.ts'
import { sendProblem } from './problem.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks. Set on the routes that need to know it, before their handlers run. */
    userId: string
    /** The session that he asks with. */
    sessionId: string
  }
}

/** Three parts of base64url (RFC 7515) behind the scheme, whose case does not matter (RFC 9110). */
const BEARER = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i

/** Lets only requests with a session reach the routes of this scope: by its cookie, or by an access token. */
export function requireUser(app: FastifyInstance, tokens: Tokens): void {
  app.decorateRequest('userId', '')
  app.decorateRequest('sessionId', '')
  app.addHook('onRequest', async (request, reply) => {
    const { authorization } = request.headers
    const token = BEARER.exec(authorization ?? '')?.[1]
    // Who says by a header who he is, is not asked for his cookie.
    const session = authorization === undefined ? request.session : await sessionOf(request, token)
    if (session?.userId !== undefined && session.userId !== null) {
      request.userId = session.userId
      request.sessionId = session.id
      return
    }
    // RFC 6750, section 3: no error code for a request that did not try.
    const challenge = token === undefined ? 'Bearer' : 'Bearer error="invalid_token"'
    return sendProblem(reply.header('www-authenticate', challenge), 401, 'A valid session or access token is needed.')
  })

  async function sessionOf(
    { routeOptions, log }: FastifyRequest,
    token: string | undefined
  ): Promise<Pick<Session, 'id' | 'userId'> | undefined> {
    const bearer = token === undefined ? undefined : await tokens.readAccess(token)
    if (bearer === undefined) return undefined
    const [session, isCurrent] = await Promise.all([
      app.sessions.get(bearer.sessionId, routeOptions.config.session || {}),
      app.securityConfig.isCurrent(bearer.userId, bearer.versions)
    ])
    if (session?.userId !== bearer.userId || !isCurrent) return undefined
    void app.sessions.touch(session).catch(err => log.warn({ err }, 'the use of a session was not noted'))
    return session
  }
}
