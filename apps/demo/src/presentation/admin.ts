import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { Users } from '../application/users.ts'
import { ROLES } from '../domain/user.ts'
import { problemResponse, sendProblem } from './problem.ts'
import { Uuid } from './uuid.ts'

export interface AdminRoutesOptions {
  readonly users: Users
}

const Roles = Type.Array(Type.Enum([...ROLES]), { uniqueItems: true })

const UserWithRoles = Type.Object({
  id: Type.String({ format: 'uuid' }),
  email: Type.String(),
  name: Type.String(),
  roles: Roles
})

const MAX_PAGE = 1_000

const common = { tags: ['Admin'], security: [{ accessToken: [] }, { session: [] }] }
/** Who has lost his session or a role has lost it at once, everywhere. */
const strong = { consistency: 'strong' } as const
const config = { session: strong }
const unauthorized = problemResponse('There is no session, or it has ended.')
const forbidden = problemResponse('The user has no role that allows it.')

export const adminRoutes: FastifyPluginAsyncTypebox<AdminRoutesOptions> = async (app, { users }) => {
  const listSchema = {
    ...common,
    summary: 'List users',
    querystring: Type.Object({
      after: Type.Optional(
        Type.String({
          maxLength: 254,
          pattern: '^[^\\0]*$',
          description: 'The e-mail address that the last page ended with.'
        })
      ),
      // A query holds text, and nothing is converted.
      limit: Type.Optional(
        Type.String({ pattern: '^([1-9]\\d{0,2}|1000)$', description: `1 to ${MAX_PAGE}; ${MAX_PAGE} by default.` })
      )
    }),
    response: {
      200: Type.Object({ users: Type.Array(UserWithRoles) }, { description: 'By e-mail address.' }),
      400: problemResponse('The query breaks the schema.'),
      401: unauthorized,
      403: forbidden
    }
  }
  const mayRead = app.requirePermission('users', 'read', strong)
  app.get('/admin/users', { schema: listSchema, config, preHandler: mayRead }, async ({ query }, reply) => {
    const { after = '', limit = String(MAX_PAGE) } = query
    const page = await users.list({ after, limit: Number(limit) })
    return reply.send({ users: page.map(user => ({ ...user, roles: [...user.roles] })) })
  })

  const setRolesSchema = {
    ...common,
    summary: 'Give a user other roles',
    params: Type.Object({ userId: Uuid }),
    body: Type.Object({ roles: Roles }, { additionalProperties: false, examples: [{ roles: ['auditor'] }] }),
    response: {
      200: UserWithRoles,
      400: problemResponse('The request breaks the schema, or there is no such role.'),
      401: unauthorized,
      403: forbidden,
      404: problemResponse('There is no such user.'),
      409: problemResponse('Nobody would be admin any more.')
    }
  }
  const mayWrite = app.requirePermission('users', 'write', strong)
  app.put(
    '/admin/users/:userId/roles',
    { schema: setRolesSchema, config, preHandler: mayWrite },
    async (request, reply) => {
      const changed = await users.setRoles(request.params.userId.toLowerCase(), request.body.roles)
      if (changed === undefined) return sendProblem(reply, 404, 'There is no such user.')
      if (changed === 'last_admin') return sendProblem(reply, 409, 'Nobody would be admin any more.')
      return reply.send({ ...changed, roles: [...changed.roles] })
    }
  )
}
