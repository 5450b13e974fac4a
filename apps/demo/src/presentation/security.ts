import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import { problemResponse } from './problem.ts'

const common = { tags: ['Security'], security: [{ accessToken: [] }, { session: [] }] }
/** Who has lost his session or a role has lost it at once, everywhere. */
const strong = { consistency: 'strong' } as const
const config = { session: strong }
const unauthorized = problemResponse('There is no session, or it has ended.')
const rotated = Type.Object(
  { version: Type.Integer() },
  { description: 'Tokens that were issued before are worth nothing, at every instance.' }
)

/** Access and refresh tokens that were issued before a rotation are 401 from then on. Sessions of browsers go on. */
export const securityRoutes: FastifyPluginAsyncTypebox = async app => {
  const userSchema = {
    ...common,
    summary: 'Make all tokens of the signed-in user worth nothing',
    response: { 200: rotated, 401: unauthorized }
  }
  app.post('/users/me/security/rotation', { schema: userSchema, config }, async ({ userId }) => {
    const { value: version } = await app.securityConfig.rotateUser(userId)
    if (version === undefined) throw new Error('a user with a session is not there')
    return { version }
  })

  const globalSchema = {
    ...common,
    summary: 'Make all tokens of everybody worth nothing',
    response: { 200: rotated, 401: unauthorized, 403: problemResponse('The user has no role that allows it.') }
  }
  const mayRotate = app.requirePermission('security', 'rotate', strong)
  app.post('/admin/security/rotation', { schema: globalSchema, config, preHandler: mayRotate }, async () => {
    const { value: version } = await app.securityConfig.rotateGlobal()
    return { version }
  })
}
