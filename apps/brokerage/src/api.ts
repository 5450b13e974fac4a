import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type Provider from 'oidc-provider'
import type { Customers } from './customers.ts'
import type { Trouble } from './faults.ts'
import { sendProblem } from './problem.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who has let the client in. */
    customer: string
  }
}

export interface ApiParts {
  readonly provider: () => Provider
  readonly customers: Customers
  readonly trouble: Trouble
  /** Aborted when the brokerage closes. */
  readonly closing: AbortSignal
}

const PAGE = /^[1-9]\d{0,5}$/

/** Accounts and transactions, for whoever has an access token, and what befalls requests on the way. */
export const api: FastifyPluginAsync<ApiParts> = async (app, { provider, customers, trouble, closing }) => {
  app.decorateRequest('customer', '')
  app.addHook('onRequest', async (request, reply) => {
    trouble.calls[request.url.includes('/transactions') ? 'transactions' : 'accounts']++
    await trouble.delay(closing)
    const customer = await customerOf(request)
    if (customer === undefined) {
      const challenge = 'Bearer error="invalid_token"'
      return sendProblem(reply.header('www-authenticate', challenge), 401, 'A valid access token is needed.')
    }
    request.customer = customer
    const waitSeconds = trouble.waitSeconds(customer)
    if (waitSeconds !== undefined) {
      return sendProblem(reply.header('retry-after', String(waitSeconds)), 429, 'Too many requests in a minute.')
    }
    return befall(reply)
  })

  app.get('/accounts', async ({ customer }) => ({ accounts: customers.accounts(customer) }))

  app.get<{ Params: { id: string }; Querystring: { page?: string } }>(
    '/accounts/:id/transactions',
    async ({ customer, params, query }, reply) => {
      const { page = '1' } = query
      if (!PAGE.test(page)) return sendProblem(reply, 400, 'page must be an integer of at least 1.')
      const found = customers.transactions(customer, params.id, Number(page))
      return found ?? sendProblem(reply, 404, 'There is no such account.')
    }
  )

  async function customerOf({ headers: { authorization = '' } }: FastifyRequest): Promise<string | undefined> {
    const token = /^Bearer +([\w-]+)$/i.exec(authorization)?.[1]
    const found = token === undefined ? undefined : await provider().AccessToken.find(token)
    return found?.scopes.has('accounts') ? found.accountId : undefined
  }

  function befall(reply: FastifyReply): FastifyReply | undefined {
    const next = trouble.next()
    if (next === 'answers') return undefined
    if (next === 'fails') return sendProblem(reply, 500, 'Something went wrong.')
    return reply.type('application/json').send(next.rubbish)
  }
}
