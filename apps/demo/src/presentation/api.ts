import { fastifySessions, type SessionPluginOptions } from '@dashtam/session-cache/fastify'
import { registerSessionMetrics } from '@dashtam/session-cache/prometheus'
import type { FastifyPluginAsync } from 'fastify'
import type { Registry } from 'prom-client'
import type { Tokens } from '../application/ports.ts'
import { type AccountRoutesOptions, accountRoutes } from './accounts.ts'
import { adminRoutes } from './admin.ts'
import { requireUser } from './authenticate.ts'
import { type ConnectionRoutesOptions, callbackRoute, connectionRoutes } from './connections.ts'
import { type ProfileRoutesOptions, profileRoutes } from './profile.ts'
import { securityRoutes } from './security.ts'
import { sessionRoutes } from './sessions.ts'
import { type SignInRoutesOptions, signInRoutes } from './sign-in.ts'
import { type UserRoutesOptions, userRoutes } from './users.ts'

export interface ApiOptions
  extends SignInRoutesOptions,
    UserRoutesOptions,
    AccountRoutesOptions,
    ConnectionRoutesOptions,
    ProfileRoutesOptions {
  readonly sessions: SessionPluginOptions
  readonly tokens: Tokens
  readonly registry: Registry
}

/** The API: everything that users talk to. */
export const api: FastifyPluginAsync<ApiOptions> = async (
  app,
  { sessions, registry, signIn, users, accounts, connections, provider, profiles, tokens }
) => {
  // Tokens and balances: no browser or proxy may keep them.
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })
  await app.register(fastifySessions, sessions)
  registerSessionMetrics(app.sessions, { registry })
  await app.register(userRoutes, { users })
  await app.register(signInRoutes, { signIn, tokens })
  await app.register(callbackRoute, { connections, provider })
  await app.register(async signedIn => {
    requireUser(signedIn, tokens)
    await signedIn.register(sessionRoutes)
    await signedIn.register(profileRoutes, { profiles })
    await signedIn.register(securityRoutes)
    await signedIn.register(accountRoutes, { accounts })
    await signedIn.register(connectionRoutes, { connections, provider })
    await signedIn.register(adminRoutes, { users })
  })
}
