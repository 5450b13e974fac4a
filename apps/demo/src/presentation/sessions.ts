import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { SignIn } from '../application/sign-in.ts'
import { problemResponse, sendProblem } from './problem.ts'

export interface SessionRoutesOptions {
  readonly signIn: SignIn
}

export const sessionRoutes: FastifyPluginAsyncTypebox<SessionRoutesOptions> = async (app, { signIn }) => {
  const schema = {
    summary: 'Sign in',
    tags: ['Sessions'],
    body: Type.Object(
      {
        email: Type.String({ format: 'email', maxLength: 254 }),
        password: Type.String({ minLength: 1, maxLength: 256 })
      },
      { additionalProperties: false, examples: [{ email: 'demo@dashtam.example', password: 'dashtam-demo' }] }
    ),
    response: {
      201: Type.Object(
        { accessToken: Type.String() },
        { description: 'Signed in: the token goes into `Authorization`.' }
      ),
      400: problemResponse('The body breaks the schema.'),
      401: problemResponse('There is no such user, or the password is another.')
    }
  }

  app.post('/sessions', { schema }, async ({ body }, reply) => {
    const accessToken = await signIn(body.email, body.password)
    if (accessToken === undefined) return sendProblem(reply, 401, 'The e-mail address or the password is wrong.')
    return reply.code(201).send({ accessToken })
  })
}
