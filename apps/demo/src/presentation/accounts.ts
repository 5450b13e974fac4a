import type { Consistency } from '@dashtam/cache-protocol'
import { cacheStatus } from '@dashtam/fastify-cache'
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { Accounts } from '../application/accounts.ts'
import { ACCOUNT_NAME_MAX_LENGTH, ACCOUNT_NAME_PATTERN, ACCOUNT_TYPES } from '../domain/account.ts'
import { problemResponse, sendProblem } from './problem.ts'
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
  updatedAt: Type.String({ format: 'date-time' })
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

const Freshness = Type.Object({
  'cache-control': Type.Optional(
    Type.String({
      description: '`no-cache`: nothing from before a change that any instance has answered.',
      examples: ['no-cache']
    })
  )
})

const common = { tags: ['Accounts'], security: [{ accessToken: [] }, { session: [] }] }
const unauthorized = problemResponse('There is no session, or it has ended.')
const invalid = problemResponse('The request breaks the schema.')
const notFound = problemResponse('The user has no such account.')

export const accountRoutes: FastifyPluginAsyncTypebox<AccountRoutesOptions> = async (app, { accounts }) => {
  const listSchema = {
    ...common,
    summary: 'List the accounts of the signed-in user',
    headers: Freshness,
    response: { 200: Type.Object({ accounts: Type.Array(Account) }), 401: unauthorized }
  }
  app.get('/accounts', { schema: listSchema }, async ({ userId, headers }, reply) => {
    const read = await accounts.list(userId, consistencyOf(headers))
    return reply.header('cache-status', cacheStatus(read)).send({ accounts: [...read.value] })
  })

  const getSchema = {
    ...common,
    summary: 'Read one account',
    params: AccountParams,
    headers: Freshness,
    response: { 200: Account, 400: invalid, 401: unauthorized, 404: notFound }
  }
  app.get('/accounts/:accountId', { schema: getSchema }, async ({ userId, params, headers }, reply) => {
    const read = await accounts.get(userId, idOf(params), consistencyOf(headers))
    if (read.value === null) return sendNoAccount(reply)
    return reply.header('cache-status', cacheStatus(read)).send(read.value)
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

/** RFC 9111, section 5.2.1.4: without validation nothing stored may be used. Here the cache itself validates. */
function consistencyOf({ 'cache-control': directives = '' }: { readonly 'cache-control'?: string }): Consistency {
  return /(?:^|,)\s*no-cache\s*(?:,|$)/i.test(directives) ? 'strong' : 'eventual'
}

/** One account has one id, and one cache key, in whatever case it is asked for. */
function idOf({ accountId }: { readonly accountId: string }): string {
  return accountId.toLowerCase()
}

function sendNoAccount(reply: FastifyReply): FastifyReply {
  return sendProblem(reply, 404, 'You have no such account.')
}
