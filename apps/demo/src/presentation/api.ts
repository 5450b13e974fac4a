import type { FastifyPluginAsync } from 'fastify'
import { type AccountRoutesOptions, accountRoutes } from './accounts.ts'
import { type SessionRoutesOptions, sessionRoutes } from './sessions.ts'

/** The API: everything that users talk to. */
export const api: FastifyPluginAsync<SessionRoutesOptions & AccountRoutesOptions> = async (
  app,
  { signIn, accounts, tokens }
) => {
  // Tokens and balances: no browser or proxy may keep them.
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })
  await app.register(sessionRoutes, { signIn })
  await app.register(accountRoutes, { accounts, tokens })
}
