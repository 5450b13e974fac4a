import type { Consistency } from '@dashtam/cache-protocol'
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { Profiles } from '../application/profiles.ts'
import { ACCOUNT_NAME_PATTERN } from '../domain/account.ts'
import { LANGUAGES, PASSWORD_LENGTH } from '../domain/user.ts'
import { consistencyOf, Freshness } from './freshness.ts'
import { problemResponse, sendProblem } from './problem.ts'
import { served } from './served.ts'

export interface ProfileRoutesOptions {
  readonly profiles: Profiles
}

const Language = Type.Enum([...LANGUAGES])
const Currency = Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217', examples: ['EUR'] })

const Me = Type.Object({
  id: Type.String({ format: 'uuid' }),
  email: Type.String(),
  name: Type.String(),
  settings: Type.Object({ language: Language, currency: Currency })
})

const Changes = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        pattern: ACCOUNT_NAME_PATTERN,
        description: 'Not blank, without control characters.'
      })
    ),
    settings: Type.Optional(
      Type.Object(
        { language: Type.Optional(Language), currency: Type.Optional(Currency) },
        { additionalProperties: false, minProperties: 1 }
      )
    )
  },
  { additionalProperties: false, minProperties: 1, examples: [{ settings: { language: 'de' } }] }
)

const common = { tags: ['Users'], security: [{ accessToken: [] }, { session: [] }] }
const invalid = problemResponse('The body breaks the schema.')
const unauthorized = problemResponse('There is no session, or it has ended.')

/** What the signed-in user sees and changes of himself. */
export const profileRoutes: FastifyPluginAsyncTypebox<ProfileRoutesOptions> = async (app, { profiles }) => {
  const meOf = async (userId: string, consistency: Consistency = 'eventual') => {
    const [profile, settings] = await Promise.all([
      profiles.profile(userId, consistency),
      profiles.settings(userId, consistency)
    ])
    if (profile.value === null || settings.value === null) throw new Error('a user with a session is not there')
    // Of the one that took longer.
    const { status } = profile.status === 'hit' ? settings : profile
    return { value: { ...profile.value, settings: settings.value }, status }
  }

  const getSchema = {
    ...common,
    summary: 'Read the signed-in user',
    headers: Freshness,
    response: { 200: Me, 401: unauthorized }
  }
  app.get('/users/me', { schema: getSchema }, async ({ userId, headers }, reply) => {
    const me = await served(reply, meOf(userId, consistencyOf(headers)))
    return reply.send(me.value)
  })

  const patchSchema = {
    ...common,
    summary: 'Change name or settings',
    body: Changes,
    response: { 200: Me, 400: invalid, 401: unauthorized }
  }
  app.patch('/users/me', { schema: patchSchema }, async ({ userId, body }, reply) => {
    await profiles.update(userId, body)
    return reply.send((await meOf(userId)).value)
  })

  const passwordSchema = {
    ...common,
    summary: 'Change the password',
    description: 'All other sessions of the user end.',
    body: Type.Object(
      {
        currentPassword: Type.String({ minLength: 1, maxLength: 256 }),
        newPassword: Type.String({ minLength: PASSWORD_LENGTH.min, maxLength: PASSWORD_LENGTH.max })
      },
      { additionalProperties: false }
    ),
    response: {
      204: Type.Null({ description: 'It is another one now.' }),
      400: invalid,
      401: problemResponse('There is no session, or the current password is another.')
    }
  }
  const config = { session: { consistency: 'strong' } } as const
  app.put('/users/me/password', { schema: passwordSchema, config }, async (request, reply) => {
    const { userId, sessionId, body } = request
    if (!(await profiles.changePassword(userId, body.currentPassword, body.newPassword))) {
      return sendProblem(reply, 401, 'The current password is wrong.')
    }
    const others = (await app.sessions.getUserSessionIds(userId, { consistency: 'strong' })).filter(
      id => id !== sessionId
    )
    await Promise.all(others.map(id => app.sessions.delete(id)))
    return reply.code(204).send(null)
  })
}
