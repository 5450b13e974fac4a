import { isSessionId } from '@dashtam/session-cache'
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import { problemResponse, sendProblem } from './problem.ts'

const Session = Type.Object({
  id: Type.String(),
  current: Type.Boolean({ description: 'Whether it is the one that asks.' }),
  createdAt: Type.String({ format: 'date-time' }),
  lastSeenAt: Type.String({ format: 'date-time', description: 'To within a minute.' })
})

const common = { tags: ['Sessions'], security: [{ accessToken: [] }, { session: [] }] }
/** Somebody who ends sessions wants to see what there is, wherever it was changed. */
const config = { session: { consistency: 'strong' } } as const
const unauthorized = problemResponse('There is no session, or it has ended.')
const ended = Type.Null({ description: 'Ended, and with it its access and refresh tokens.' })

/** The sessions of whoever asks. */
export const sessionRoutes: FastifyPluginAsyncTypebox = async app => {
  const listSchema = {
    ...common,
    summary: 'List the sessions of the signed-in user',
    response: { 200: Type.Object({ sessions: Type.Array(Session) }), 401: unauthorized }
  }
  app.get('/sessions', { schema: listSchema, config }, async ({ userId, sessionId }, reply) => {
    const sessions = await app.sessions.getUserSessions(userId, { consistency: 'strong' })
    return reply.send({
      sessions: sessions.map(({ id, createdAtMs, lastSeenAtMs }) => ({
        id,
        current: id === sessionId,
        createdAt: new Date(createdAtMs).toISOString(),
        lastSeenAt: new Date(lastSeenAtMs).toISOString()
      }))
    })
  })

  const endSchema = {
    ...common,
    summary: 'End a session',
    params: Type.Object({ sessionId: Type.String() }),
    response: { 204: ended, 401: unauthorized, 404: problemResponse('The user has no such session.') }
  }
  app.delete('/sessions/:sessionId', { schema: endSchema, config }, async (request, reply) => {
    const { sessionId } = request.params
    const session = isSessionId(sessionId) ? await app.sessions.get(sessionId, { consistency: 'strong' }) : undefined
    if (session?.userId !== request.userId) return sendProblem(reply, 404, 'You have no such session.')
    await app.sessions.delete(sessionId)
    if (request.session?.id === sessionId) await reply.signOut()
    return reply.code(204).send(null)
  })

  const endAllSchema = {
    ...common,
    summary: 'End all sessions of the signed-in user',
    response: { 204: ended, 401: unauthorized }
  }
  app.delete('/sessions', { schema: endAllSchema, config }, async (request, reply) => {
    await app.sessions.deleteAllForUser(request.userId)
    // A cookie that came along with a token may be somebody else's.
    if (request.session?.userId === request.userId) await reply.signOut()
    return reply.code(204).send(null)
  })
}
