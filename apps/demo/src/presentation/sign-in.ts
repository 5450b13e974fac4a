import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { Tokens } from '../application/ports.ts'
import type { SignIn } from '../application/sign-in.ts'
import { problemResponse, sendProblem } from './problem.ts'

export interface SignInRoutesOptions {
  readonly signIn: SignIn
  readonly tokens: Tokens
}

const AccessAndRefresh = { accessToken: Type.String(), refreshToken: Type.String() }

/** Whoever signs in or refreshes says who he is in the body: what else comes along is not looked at. */
const common = { tags: ['Sessions'] }
const config = { session: false } as const
const invalid = problemResponse('The body breaks the schema.')

export const signInRoutes: FastifyPluginAsyncTypebox<SignInRoutesOptions> = async (app, { signIn, tokens }) => {
  const signInSchema = {
    ...common,
    summary: 'Sign in',
    body: Type.Object(
      {
        email: Type.String({ format: 'email', maxLength: 254 }),
        password: Type.String({ minLength: 1, maxLength: 256 })
      },
      { additionalProperties: false, examples: [{ email: 'demo@dashtam.example', password: 'dashtam-demo' }] }
    ),
    response: {
      201: Type.Object(
        { ...AccessAndRefresh, sessionId: Type.String() },
        { description: 'Signed in. A browser has a cookie now; a client puts the access token into `Authorization`.' }
      ),
      400: invalid,
      401: problemResponse('There is no such user, or the password is another.'),
      429: problemResponse('There were too many wrong ones.')
    }
  }
  app.post('/sessions', { schema: signInSchema, config }, async ({ body, ip }, reply) => {
    const result = await signIn({ ...body, address: ip })
    if (result.kind === 'limited') {
      const seconds = Math.ceil(result.retryAfterMs / 1_000)
      const detail = `Too many wrong sign-ins: try again in ${seconds} s.`
      return sendProblem(reply.header('retry-after', String(seconds)), 429, detail)
    }
    if (result.kind === 'wrong') return sendProblem(reply, 401, 'The e-mail address or the password is wrong.')
    const { userId } = result
    const versions = await app.securityConfig.versionsOf(userId)
    if (versions === undefined) return sendProblem(reply, 401, 'The e-mail address or the password is wrong.')
    const { id: sessionId } = await reply.signIn({ userId })
    return reply.code(201).send({ ...(await tokens.issue({ userId, sessionId, versions })), sessionId })
  })

  const refreshSchema = {
    ...common,
    summary: 'Get another access token',
    body: Type.Object({ refreshToken: Type.String({ maxLength: 2_048 }) }, { additionalProperties: false }),
    response: {
      201: Type.Object(AccessAndRefresh),
      400: invalid,
      401: problemResponse('It is no refresh token, its session has ended, or security was rotated since.')
    }
  }
  app.post('/tokens', { schema: refreshSchema, config }, async ({ body }, reply) => {
    const bearer = await tokens.readRefresh(body.refreshToken)
    const [session, isCurrent] =
      bearer === undefined
        ? []
        : await Promise.all([
            app.sessions.get(bearer.sessionId, { consistency: 'strong' }),
            app.securityConfig.isCurrent(bearer.userId, bearer.versions)
          ])
    if (bearer === undefined || session?.userId !== bearer.userId || isCurrent !== true) {
      return sendProblem(reply, 401, 'The refresh token is not valid, or its session has ended.')
    }
    await app.sessions.touch(session)
    return reply.code(201).send(await tokens.issue(bearer))
  })
}
