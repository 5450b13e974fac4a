import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { Accounts } from '../application/accounts.ts'
import type { CacheOutcome } from '../application/cache-aside.ts'
import type { AccessTokens } from '../application/ports.ts'
import { ACCOUNT_NAME_MAX_LENGTH, ACCOUNT_NAME_PATTERN, ACCOUNT_TYPES } from '../domain/account.ts'
import { requireUser } from './authenticate.ts'
import { problemResponse, sendProblem } from './problem.ts'

export interface AccountRoutesOptions {
  readonly accounts: Accounts
  readonly tokens: AccessTokens
}

const Account = Type.Object({
  id: Type.String({ format: 'uuid' }),
  name: Type.String(),
  type: Type.Enum([...ACCOUNT_TYPES]),
  balance: Type.String({ description: 'A decimal number with two places.', examples: ['1234.50'] }),
  currency: Type.String({ description: 'ISO 4217', examples: ['USD'] }),
  updatedAt: Type.String({ format: 'date-time' })
})

const AccountParams = Type.Object({
  // Not `format: 'uuid'`, which lets `urn:uuid:…` through.
  accountId: Type.String({ pattern: '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$', description: 'A UUID' })
})

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

/** RFC 9211: `dashtam` served it from its cache, or went to the database because the cache had nothing or failed. */
const CACHE_STATUS: Record<CacheOutcome, string> = {
  hit: 'dashtam; hit',
  miss: 'dashtam; fwd=miss',
  error: 'dashtam; fwd=miss; detail=cache-error'
}

const common = { tags: ['Accounts'], security: [{ accessToken: [] }] }
const unauthorized = problemResponse('There is no valid access token.')
const invalid = problemResponse('The request breaks the schema.')
const notFound = problemResponse('The user has no such account.')

export const accountRoutes: FastifyPluginAsyncTypebox<AccountRoutesOptions> = async (app, { accounts, tokens }) => {
  requireUser(app, tokens)

  const listSchema = {
    ...common,
    summary: 'List the accounts of the signed-in user',
    response: { 200: Type.Object({ accounts: Type.Array(Account) }), 401: unauthorized }
  }
  app.get('/accounts', { schema: listSchema }, async ({ userId }, reply) => {
    const { value, cache } = await accounts.list(userId)
    return reply.header('cache-status', CACHE_STATUS[cache]).send({ accounts: [...value] })
  })

  const getSchema = {
    ...common,
    summary: 'Read one account',
    params: AccountParams,
    response: { 200: Account, 400: invalid, 401: unauthorized, 404: notFound }
  }
  app.get('/accounts/:accountId', { schema: getSchema }, async ({ userId, params }, reply) => {
    const { value, cache } = await accounts.get(userId, idOf(params))
    if (value === undefined) return sendNoAccount(reply)
    return reply.header('cache-status', CACHE_STATUS[cache]).send(value)
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
