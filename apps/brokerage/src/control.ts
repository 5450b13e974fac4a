import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { CUSTOMER, type Customers } from './customers.ts'
import { SOME_FAULTS, type Trouble } from './faults.ts'
import { sendProblem } from './problem.ts'

export interface ControlOptions {
  readonly trouble: Trouble
  readonly customers: Customers
}

const Booking = Type.Object(
  {
    accountId: Type.Optional(Type.String({ maxLength: 40 })),
    description: Type.String({ minLength: 1, maxLength: 100 }),
    amount: Type.String({ pattern: '^-?\\d{1,9}\\.\\d{2}$' })
  },
  { additionalProperties: false }
)

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/

/** Makes trouble, and things to see: for whoever sits at this machine. */
export const control: FastifyPluginAsyncTypebox<ControlOptions> = async (app, { trouble, customers }) => {
  app.addHook('onRequest', async (request, reply) => {
    if (!LOOPBACK.test(request.ip)) return sendProblem(reply, 403, 'Only from the machine itself.')
    return undefined
  })
  const state = () => {
    const { calls, faults } = trouble
    return { faults, calls: { ...calls, total: calls.accounts + calls.transactions + calls.tokens } }
  }
  app.get('/control', async () => state())
  app.put('/control', { schema: { body: SOME_FAULTS } }, async ({ body }, reply) => {
    try {
      trouble.change(body)
    } catch (error) {
      return sendProblem(reply, 400, (error as Error).message)
    }
    return state()
  })
  const params = Type.Object({ customer: Type.String({ pattern: CUSTOMER.source }) })
  app.post(
    '/control/customers/:customer/transactions',
    { schema: { params, body: Booking } },
    async (request, reply) => {
      const { customer } = request.params
      const { accountId = customers.accounts(customer)[0]?.id ?? '', description, amount } = request.body
      const isBooked = customers.book(customer, accountId, description, Number(amount.replace('.', '')))
      return isBooked ? reply.code(201).send({ accountId }) : sendProblem(reply, 404, 'There is no such account.')
    }
  )
}
