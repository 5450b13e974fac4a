import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { Users } from '../application/users.ts'
import { ACCOUNT_NAME_PATTERN } from '../domain/account.ts'
import { PASSWORD_LENGTH } from '../domain/user.ts'
import { problemResponse, sendProblem } from './problem.ts'

export interface UserRoutesOptions {
  readonly users: Users
}

export const userRoutes: FastifyPluginAsyncTypebox<UserRoutesOptions> = async (app, { users }) => {
  const schema = {
    summary: 'Register',
    tags: ['Users'],
    body: Type.Object(
      {
        email: Type.String({ format: 'email', maxLength: 254 }),
        password: Type.String({
          minLength: PASSWORD_LENGTH.min,
          maxLength: PASSWORD_LENGTH.max,
          description: 'Whatever its characters are.'
        }),
        name: Type.String({
          minLength: 1,
          maxLength: 100,
          pattern: ACCOUNT_NAME_PATTERN,
          description: 'Not blank, without control characters.'
        })
      },
      { additionalProperties: false }
    ),
    response: {
      201: Type.Object({ id: Type.String({ format: 'uuid' }), email: Type.String(), name: Type.String() }),
      400: problemResponse('The body breaks the schema.'),
      409: problemResponse('Somebody has that e-mail address already.')
    }
  }
  app.post('/users', { schema, config: { session: false } }, async ({ body }, reply) => {
    const user = await users.register(body)
    if (user === undefined) return sendProblem(reply, 409, 'Somebody has that e-mail address already.')
    return reply.code(201).send(user)
  })
}
