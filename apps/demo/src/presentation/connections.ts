import { OAuthFlowError } from '@dashtam/oauth-state-cache/fastify'
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Connections } from '../application/connections.ts'
import type { ProviderClient } from '../application/ports.ts'
import { ACCOUNT_NAME_PATTERN, ACCOUNT_TYPES } from '../domain/account.ts'
import { CONNECTION_STATUSES, type Connection, PROVIDERS, type Provider } from '../domain/connection.ts'
import { ProviderError } from '../domain/provider.ts'
import { consistencyOf, Freshness } from './freshness.ts'
import { sendPage } from './page.ts'
import { problemResponse, providerProblem, sendProblem } from './problem.ts'
import { served } from './served.ts'
import { Uuid } from './uuid.ts'

export interface ConnectionRoutesOptions {
  readonly connections: Connections
  readonly provider: ProviderClient
}

const ConnectionBody = {
  id: Type.String({ format: 'uuid' }),
  provider: Type.Enum([...PROVIDERS]),
  alias: Type.String(),
  status: Type.Enum([...CONNECTION_STATUSES], {
    description: '`expired`: the provider does not let us in any more; connect again.'
  }),
  createdAt: Type.String({ format: 'date-time' }),
  syncedAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()])
}
const OneConnection = Type.Object(ConnectionBody)

const ProviderAccounts = Type.Array(
  Type.Object({
    id: Type.String({ description: 'That of the provider.' }),
    name: Type.String(),
    type: Type.Enum([...ACCOUNT_TYPES]),
    currency: Type.String(),
    balance: Type.String()
  })
)

const ConnectionParams = Type.Object({ connectionId: Uuid })
const CALLBACK = '/connections/callback'

const common = { tags: ['Connections'], security: [{ accessToken: [] }, { session: [] }] }
const unauthorized = problemResponse('There is no session, or it has ended.')
const invalid = problemResponse('The request breaks the schema.')
const notFound = problemResponse('The user has no such connection.')
const failed = {
  502: problemResponse('The provider has failed, or does not let us in any more.'),
  503: problemResponse('The provider asks to wait, or the database or the cache is away.'),
  504: problemResponse('The provider does not answer in time.')
}

export const connectionRoutes: FastifyPluginAsyncTypebox<ConnectionRoutesOptions> = async (
  app,
  { connections, provider }
) => {
  const beginSchema = {
    ...common,
    summary: 'Begin to connect a provider',
    description: 'Whoever has the cookies of the answer opens the URL, and comes back to the callback.',
    body: Type.Object(
      {
        provider: Type.Enum([...PROVIDERS]),
        alias: Type.String({ minLength: 1, maxLength: 100, pattern: ACCOUNT_NAME_PATTERN })
      },
      { additionalProperties: false, examples: [{ provider: 'brokerage', alias: 'My brokerage' }] }
    ),
    response: {
      201: Type.Object({ authorizationUrl: Type.String() }),
      400: invalid,
      401: unauthorized,
      ...failed
    }
  }
  app.post('/connections', { schema: beginSchema }, async (request, reply) => {
    const { userId, body } = request
    const { state, codeChallenge } = await app.oauthState.create(request, reply, { userId, ...body })
    const redirectUri = callbackOf(request)
    const authorizationUrl = await provider.authorizationUrl({ state, codeChallenge, redirectUri })
    return reply.code(201).send({ authorizationUrl })
  })

  const listSchema = {
    ...common,
    summary: 'List the connections of the signed-in user',
    headers: Freshness,
    response: { 200: Type.Object({ connections: Type.Array(OneConnection) }), 401: unauthorized }
  }
  app.get('/connections', { schema: listSchema }, async ({ userId, headers }, reply) => {
    const read = await served(reply, connections.list(userId, consistencyOf(headers)))
    return reply.send({ connections: read.value.map(toBody) })
  })

  const getSchema = {
    ...common,
    summary: 'Read a connection, and what its provider tells of it',
    params: ConnectionParams,
    headers: Freshness,
    response: {
      200: Type.Object({
        ...ConnectionBody,
        accounts: Type.Union([ProviderAccounts, Type.Null()], { description: '`null` when the provider has failed.' }),
        problem: Type.Optional(Type.Ref('Problem'))
      }),
      400: invalid,
      401: unauthorized,
      404: notFound
    }
  }
  app.get('/connections/:connectionId', { schema: getSchema }, async ({ userId, params, headers }, reply) => {
    const id = params.connectionId.toLowerCase()
    const consistency = consistencyOf(headers)
    const read = await served(reply, connections.get(userId, id, consistency))
    if (read === undefined) return sendNoConnection(reply)
    try {
      const told = await served(reply, connections.providerAccounts({ id }, consistency))
      if (told === undefined) return sendNoConnection(reply)
      const accounts = [...told.value.accounts]
      return reply.send({ ...toBody(read.value), accounts })
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error
      const { status, detail } = providerProblem(error)
      const problem = { type: 'about:blank', title: 'The provider has failed', status, detail }
      // Which it may have ended.
      const after = error.kind === 'refused' ? await connections.get(userId, id, 'strong') : read
      if (after === undefined) return sendNoConnection(reply)
      return reply.send({ ...toBody(after.value), accounts: null, problem })
    }
  })

  const syncSchema = {
    ...common,
    summary: 'Take over what the provider tells of the accounts',
    params: ConnectionParams,
    response: { 200: OneConnection, 400: invalid, 401: unauthorized, 404: notFound, ...failed }
  }
  app.post('/connections/:connectionId/sync', { schema: syncSchema }, async ({ userId, params }, reply) => {
    const connection = await connections.sync(userId, params.connectionId.toLowerCase())
    return connection === undefined ? sendNoConnection(reply) : reply.send(toBody(connection))
  })

  const deleteSchema = {
    ...common,
    summary: 'Disconnect',
    params: ConnectionParams,
    response: {
      204: Type.Null({ description: 'It is gone, and with it its accounts.' }),
      400: invalid,
      401: unauthorized,
      404: notFound
    }
  }
  app.delete('/connections/:connectionId', { schema: deleteSchema }, async ({ userId, params }, reply) => {
    const isGone = await connections.disconnect(userId, params.connectionId.toLowerCase())
    return isGone ? reply.code(204).send(null) : sendNoConnection(reply)
  })
}

/** Where a provider sends the browser back to. Whose flow it is, the state and the cookie of the browser tell. */
export const callbackRoute: FastifyPluginAsyncTypebox<ConnectionRoutesOptions> = async (
  app,
  { connections, provider }
) => {
  const schema = {
    tags: ['Connections'],
    summary: 'Where a provider sends the browser back to',
    querystring: Type.Object({
      state: Type.Optional(Type.String({ maxLength: 200 })),
      code: Type.Optional(Type.String({ maxLength: 2_000 })),
      error: Type.Optional(Type.String({ maxLength: 200 })),
      iss: Type.Optional(Type.String({ maxLength: 500 })),
      error_description: Type.Optional(Type.String({ maxLength: 2_000 })),
      scope: Type.Optional(Type.String({ maxLength: 500 }))
    }),
    response: {
      200: {
        description: 'Connected: a page, or JSON, by `Accept`.',
        content: { 'application/json': { schema: OneConnection }, 'text/html': { schema: Type.String() } }
      },
      400: problemResponse('The state is not one of this browser, or was used, or has expired.'),
      403: problemResponse('The user has refused.'),
      ...failed
    }
  }
  app.get(CALLBACK, { schema, config: { session: false } }, async (request, reply) => {
    const { state, error } = request.query
    try {
      const flow = await app.oauthState.consume(request, reply, { state })
      if (error !== undefined)
        return answerProblem(request, reply, 403, 'It was not allowed. Begin again if it should be.')
      const callbackUrl = callbackOf(request) + request.raw.url?.replace(/^[^?]*/, '')
      const grant = await provider.exchange(callbackUrl, { state: String(state), codeVerifier: flow.codeVerifier })
      const { userId, alias = '' } = flow
      const connection = await connections.connect({ userId, provider: flow.provider as Provider, alias }, grant)
      if (!wantsPage(request)) return reply.send(toBody(connection))
      return sendPage(reply, 200, `${alias} is connected.`, 'You may close this page.')
    } catch (failure) {
      if (failure instanceof OAuthFlowError) return answerProblem(request, reply, failure.statusCode, failure.message)
      if (!(failure instanceof ProviderError)) throw failure
      request.log.warn({ err: failure }, 'a provider has failed')
      const { status, detail } = providerProblem(failure)
      return answerProblem(request, reply, status, detail)
    }
  })
}

function callbackOf({ protocol, host }: FastifyRequest): string {
  return new URL(`/api/v1${CALLBACK}`, `${protocol}://${host}`).href
}

function answerProblem(request: FastifyRequest, reply: FastifyReply, status: number, detail: string): FastifyReply {
  return wantsPage(request)
    ? sendPage(reply, status, 'It is not connected.', detail)
    : sendProblem(reply, status, detail)
}

/** A browser names HTML first, everybody else nothing or JSON. */
function wantsPage({ headers: { accept = '' } }: FastifyRequest): boolean {
  return accept.includes('text/html')
}

function toBody({ id, provider, alias, status, createdAt, syncedAt }: Connection) {
  return { id, provider, alias, status, createdAt, syncedAt }
}

function sendNoConnection(reply: FastifyReply): FastifyReply {
  return sendProblem(reply, 404, 'You have no such connection.')
}
