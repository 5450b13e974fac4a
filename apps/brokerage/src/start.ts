import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import Fastify from 'fastify'
import type Provider from 'oidc-provider'
import { api } from './api.ts'
import { createAuthorizationServer } from './authorization-server.ts'
import { control } from './control.ts'
import { Customers } from './customers.ts'
import { type Calls, type Faults, Trouble } from './faults.ts'
import { interaction } from './interaction.ts'
import { Memory } from './memory-adapter.ts'
import { sendProblem } from './problem.ts'

export interface BrokerageOptions {
  /** @defaultValue '127.0.0.1' */
  readonly host?: string
  /** @defaultValue 0: any that is free */
  readonly port?: number
  /** @defaultValue none */
  readonly faults?: Partial<Faults>
  /** How long an access token is worth something, in whole seconds, 1 to 86400. @defaultValue 3600 */
  readonly accessTokenSeconds?: number
}

export interface Brokerage {
  /** Without a slash at its end. */
  readonly url: string
  readonly calls: Calls
  /** @throws TypeError naming what is out of its range. */
  setFaults(faults: Partial<Faults>): void
  /** Everything that was ever allowed is allowed no more. */
  revokeAll(): void
  /** Within a second, whatever is under way. */
  close(): Promise<void>
}

/** What our own code answers; all else is the authorization server's. */
const OURS = /^\/(?:api|control|interaction)(?:[/?]|$)/
const BODY_LIMIT_BYTES = 16 * 1024

/**
 * Starts a brokerage: OAuth 2, accounts and transactions, in memory.
 *
 * @throws TypeError naming an option that is out of its range.
 */
export async function startBrokerage({
  host = '127.0.0.1',
  port = 0,
  faults,
  accessTokenSeconds = 3_600
}: BrokerageOptions = {}): Promise<Brokerage> {
  if (!Number.isInteger(accessTokenSeconds) || accessTokenSeconds < 1 || accessTokenSeconds > 86_400) {
    throw new TypeError(`accessTokenSeconds must be an integer from 1 to 86400, got ${accessTokenSeconds}`)
  }
  const trouble = new Trouble(faults)
  const customers = new Customers()
  const memory = new Memory()
  const closing = new AbortController()
  // It says in its answers where it is, which is not known before it listens.
  let provider: Provider | undefined
  let oauth: ReturnType<Provider['callback']> | undefined
  const theProvider = () => {
    if (provider === undefined) throw new Error('the brokerage is not open yet')
    return provider
  }
  const app = Fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: true,
    frameworkErrors: (error, _request, reply) => sendProblem(reply, error.statusCode ?? 400, error.message),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    serverFactory: ours =>
      createServer((request, response) => {
        if (OURS.test(request.url ?? '')) ours(request, response)
        else void authorize(request, response)
      })
  })
  app.setErrorHandler((error: { readonly statusCode?: number; readonly message: string }, _request, reply) => {
    const { statusCode = 500, message } = error
    return sendProblem(reply, statusCode, statusCode < 500 ? message : 'Something went wrong.')
  })
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, 404, 'There is nothing here.'))
  await app.register(interaction, { provider: theProvider })
  await app.register(api, {
    prefix: '/api',
    provider: theProvider,
    customers,
    trouble,
    closing: closing.signal
  })
  await app.register(control, { trouble, customers })
  // One that is all addresses is nobody's: it is told as that of this machine, as Fastify does for IPv4.
  const url = (await app.listen({ host, port })).replace('://[::]:', '://[::1]:')
  provider = createAuthorizationServer({ issuer: url, memory, accessTokenSeconds })
  oauth = provider.callback()

  async function authorize(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (oauth === undefined) return void response.writeHead(503).end()
    const [path] = (request.url ?? '').split('?')
    if (path === '/auth' || path?.startsWith('/auth/')) forgetWhoItWas(request)
    if (path === '/token') {
      trouble.calls.tokens++
      try {
        await trouble.delay(closing.signal)
      } catch {
        return void response.destroy()
      }
      if (trouble.failsToken()) {
        response.writeHead(500, { 'content-type': 'application/json' })
        return void response.end('{"error":"server_error"}')
      }
    }
    await oauth(request, response)
  }

  return {
    url,
    calls: trouble.calls,
    setFaults: changed => trouble.change(changed),
    revokeAll: () => memory.clear(),
    async close() {
      closing.abort()
      await app.close()
    }
  }
}

/** Each flow asks who it is, also in a browser that was here before. */
function forgetWhoItWas(request: IncomingMessage): void {
  const cookies = request.headers.cookie?.split(/; */).filter(cookie => !cookie.startsWith('_session'))
  if (cookies !== undefined) request.headers.cookie = cookies.join('; ')
}
