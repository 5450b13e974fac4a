import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { Accounts } from '../application/accounts.ts'
import { ACCOUNT_NAME_MAX_LENGTH, ACCOUNT_NAME_PATTERN, ACCOUNT_TYPES } from '../domain/account.ts'
import { consistencyOf, Freshness } from './freshness.ts'
import { problemResponse, sendProblem } from './problem.ts'
import { served } from './served.ts'
import { Uuid } from './uuid.ts'

export interface AccountRoutesOptions {
  readonly accounts: Accounts
}

const Account = Type.Object({
  id: Type.String({ format: 'uuid' }),
  name: Type.String(),
  type: Type.Enum([...ACCOUNT_TYPES]),
  balance: Type.String({ description: 'A decimal number with two places.', examples: ['1234.50'] }),
  currency: Type.String({ description: 'ISO 4217', examples: ['USD'] }),
  updatedAt: Type.String({ format: 'date-time' }),
  connectionId: Type.Union([Type.String({ format: 'uuid' }), Type.Null()], {
    description: 'By which it is read at a provider.'
  })
})

const AccountParams = Type.Object({ accountId: Uuid })

const NewName = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: ACCOUNT_NAME_MAX_LENGTH,
      pattern: ACCOUNT_NAME_PATTERN,
      description: 'Not blank, without control characters.'
    })
  },
  { additionalProperties: false }
)

const Filter = Type.Object(
  {
    type: Type.Optional(Type.Enum([...ACCOUNT_TYPES])),
    connectionId: Type.Optional(Uuid)
  },
  { additionalProperties: false }
)

const Transaction = Type.Object({
  id: Type.String(),
  occurredOn: Type.String({ format: 'date' }),
  description: Type.String(),
  amount: Type.String({ description: 'A decimal number with two places.', examples: ['-12.50'] })
})

// A query holds text, and nothing is converted.
const PageQuery = Type.Object(
  { page: Type.Optional(Type.String({ pattern: '^[1-9]\\d{0,5}$', description: 'From 1 on, which is the default.' })) },
  { additionalProperties: false }
)

const common = { tags: ['Accounts'], security: [{ accessToken: [] }, { session: [] }] }
const unauthorized = problemResponse('There is no session, or it has ended.')
const invalid = problemResponse('The request breaks the schema.')
const notFound = problemResponse('The user has no such account.')

export const accountRoutes: FastifyPluginAsyncTypebox<AccountRoutesOptions> = async (app, { accounts }) => {
  const listSchema = {
    ...common,
    summary: 'List the accounts of the signed-in user, or some of them',
    querystring: Filter,
    headers: Freshness,
    response: { 200: Type.Object({ accounts: Type.Array(Account) }), 400: invalid, 401: unauthorized }
  }
  app.get('/accounts', { schema: listSchema }, async ({ userId, query, headers }, reply) => {
    const { type, connectionId } = query
    if (type !== undefined || connectionId !== undefined) {
      const filter = { ...(type && { type }), ...(connectionId && { connectionId: connectionId.toLowerCase() }) }
      const found = await accounts.listFiltered(userId, filter)
      return reply.header('cache-status', 'dashtam; fwd=bypass').send({ accounts: [...found] })
    }
    const read = await served(reply, accounts.list(userId, consistencyOf(headers)))
    return reply.send({ accounts: [...read.value] })
  })

  const getSchema = {
    ...common,
    summary: 'Read one account',
    params: AccountParams,
    headers: Freshness,
    response: { 200: Account, 400: invalid, 401: unauthorized, 404: notFound }
  }
  app.get('/accounts/:accountId', { schema: getSchema }, async ({ userId, params, headers }, reply) => {
    const read = await served(reply, accounts.get(userId, idOf(params), consistencyOf(headers)))
    if (read.value === null) return sendNoAccount(reply)
    return reply.send(read.value)
  })

  const transactionsSchema = {
    ...common,
    summary: 'Read a page of the transactions of an account',
    description: 'Twenty to a page, the latest first. Beyond the last one pages are empty.',
    params: AccountParams,
    querystring: PageQuery,
    headers: Freshness,
    response: {
      200: Type.Object({ transactions: Type.Array(Transaction), page: Type.Integer() }),
      400: invalid,
      401: unauthorized,
      404: notFound,
      502: problemResponse('The provider has failed, or does not let us in any more.'),
      503: problemResponse('The provider asks to wait.'),
      504: problemResponse('The provider does not answer in time.')
    }
  }
  app.get('/accounts/:accountId/transactions', { schema: transactionsSchema }, async (request, reply) => {
    const { userId, params, query, headers } = request
    const page = Number(query.page ?? 1)
    const of = { userId, accountId: idOf(params), page }
    const read = await served(reply, accounts.transactions(of, consistencyOf(headers)))
    if (read === undefined) return sendNoAccount(reply)
    return reply.send({ transactions: [...read.value], page })
  })

  const renameSchema = {
    ...common,
    summary: 'Rename an account',
    params: AccountParams,
    body: NewName,
    response: { 200: Account, 400: invalid, 401: unauthorized, 404: notFound }
  }
  app.patch('/accounts/:accountId', { schema: renameSchema }, async ({ userId, params, body }, reply) => {
    const renamed = await accounts.rename(userId, idOf(params), body.name)
    return renamed === undefined ? sendNoAccount(reply) : reply.send(renamed)
  })
}

/** One account has one id, and one cache key, in whatever case it is asked for. */
function idOf({ accountId }: { readonly accountId: string }): string {
  return accountId.toLowerCase()
}

function sendNoAccount(reply: FastifyReply): FastifyReply {
  return sendProblem(reply, 404, 'You have no such account.')
}
