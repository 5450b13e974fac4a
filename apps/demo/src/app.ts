import { fastifyAuthorization } from '@dashtam/authorization-cache/fastify'
import { startBrokerage } from '@dashtam/brokerage'
import { dashtamFamilies, defineKeys, defineTags } from '@dashtam/cache-keys'
import { fastifyCache } from '@dashtam/fastify-cache'
import { fastifyOAuthState } from '@dashtam/oauth-state-cache/fastify'
import { registerOAuthStateMetrics } from '@dashtam/oauth-state-cache/prometheus'
import { fastifyRateLimit } from '@dashtam/rate-limit/fastify'
import { registerRateLimitMetrics } from '@dashtam/rate-limit/prometheus'
import { fastifySecurityConfig } from '@dashtam/security-config-cache/fastify'
import { registerSecurityConfigMetrics } from '@dashtam/security-config-cache/prometheus'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import { sql } from 'kysely'
import { Counter, Registry } from 'prom-client'
import type { Passwords } from './application/ports.ts'
import { Profiles } from './application/profiles.ts'
import { createSignIn } from './application/sign-in.ts'
import { Users } from './application/users.ts'
import { composeAccounts } from './compose-accounts.ts'
import { profileCodec, settingsCodec } from './infrastructure/cache/user-codecs.ts'
import { DatabaseMonitor, isUnavailable } from './infrastructure/database/availability.ts'
import { type OpenDatabase, openEmbeddedDatabase, openServerDatabase } from './infrastructure/database/connect.ts'
import { prepareDatabase } from './infrastructure/database/prepare.ts'
import { createSecurityRepository } from './infrastructure/database/security-repository.ts'
import { createSessionRepository, type Sessions } from './infrastructure/database/session-repository.ts'
import { sharedSecret } from './infrastructure/database/shared-secret.ts'
import { createUserRepository } from './infrastructure/database/user-repository.ts'
import { createBrokerageClient } from './infrastructure/provider/brokerage-client.ts'
import { createEnforcer } from './infrastructure/security/policy.ts'
import { createScryptPasswords } from './infrastructure/security/scrypt-passwords.ts'
import { createSignInLimit } from './infrastructure/security/sign-in-limit.ts'
import { createTokens } from './infrastructure/security/tokens.ts'
import { StartupError } from './infrastructure/startup-error.ts'
import { api } from './presentation/api.ts'
import { registerOpenApi } from './presentation/open-api.ts'
import { Problem, registerProblems, sendProblem } from './presentation/problem.ts'
import type { Settings } from './settings.ts'

/** Far above any body that a route accepts. */
const BODY_LIMIT_BYTES = 16 * 1024
/** Nobody may hold a connection by sending a request slowly. */
const REQUEST_TIMEOUT_MS = 10_000
const FORGET_EVERY_MS = 60 * 60 * 1_000

export interface Demo {
  readonly app: FastifyInstance
  /** What the database is and where, without credentials. */
  readonly database: string
  readonly brokerageUrl: string
}

export interface DemoParts {
  readonly passwords?: Passwords
}

/** Composes the whole service, ready to listen. Closing the app closes all of it. */
export async function createDemo(
  settings: Settings,
  { passwords = createScryptPasswords() }: DemoParts = {}
): Promise<Demo> {
  const app = createServer(settings)
  try {
    const monitor = new DatabaseMonitor(app.log)
    registerProblems(app, { isUnavailable, onUnavailable: error => monitor.failed(error) })
    const database = await openDatabase(settings, app, monitor, passwords)
    const brokerageUrl = await openBrokerage(settings, app)
    await registerRoutes(app, settings, database, { passwords, brokerageUrl, monitor })
    await app.ready()
    return { app, database: database.description, brokerageUrl }
  } catch (error) {
    await app.close()
    throw error
  }
}

function createServer({ LOG_LEVEL }: Settings): FastifyInstance {
  const isVerbose = LOG_LEVEL === 'debug' || LOG_LEVEL === 'trace'
  const app = Fastify({
    // Pino's own stream tries for ever to write a last line to a full disk or to a terminal that is gone.
    logger: { level: LOG_LEVEL, stream: process.stdout },
    logController: new LogController({ disableRequestLogging: !isVerbose }),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // By default Node allows the headers alone a minute, takes the longer of the two for the body as well, and looks at
    // its connections only every 30 s.
    http: { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: 1_000 },
    // What breaks a schema is refused; by default it would be dropped or converted.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    frameworkErrors: (error, _request, reply) => sendProblem(reply, error.statusCode ?? 400, error.message)
  })
  app.addSchema(Problem)
  // Otherwise a connection that was busy when the server closed stays open for requests that nobody will take.
  let isClosing = false
  app.addHook('preClose', async () => {
    isClosing = true
  })
  app.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close')
  })
  return app
}

interface Parts {
  readonly passwords: Passwords
  readonly brokerageUrl: string
  readonly monitor: DatabaseMonitor
}

/** The one that runs already, or one of our own. */
async function openBrokerage(
  { HOST, BROKERAGE_URL, BROKERAGE_PORT, BROKERAGE_LATENCY_MS }: Settings,
  app: FastifyInstance
): Promise<string> {
  if (BROKERAGE_URL !== undefined) return BROKERAGE_URL.replace(/\/$/, '')
  try {
    const faults = { latencyMs: BROKERAGE_LATENCY_MS }
    const brokerage = await startBrokerage({ host: HOST, port: BROKERAGE_PORT, faults })
    app.addHook('onClose', () => brokerage.close())
    return brokerage.url
  } catch (error) {
    throw new StartupError(`HOST, BROKERAGE_PORT: the brokerage does not start: ${(error as Error).message}`)
  }
}

async function openDatabase(
  { DATABASE_URL, DATA_DIR }: Settings,
  app: FastifyInstance,
  monitor: DatabaseMonitor,
  passwords: Passwords
): Promise<OpenDatabase> {
  const database = await (DATABASE_URL === undefined
    ? openEmbeddedDatabase(DATA_DIR, monitor)
    : openServerDatabase(DATABASE_URL, monitor))
  // The first to be registered is the last to run: after the requests and the cache.
  app.addHook('onClose', () => database.close())
  try {
    await prepareDatabase(database.db, passwords.hash)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    throw new StartupError(`The database (${database.description}) cannot be prepared: ${error.message}`, {
      cause: error
    })
  }
  return database
}

async function registerRoutes(
  app: FastifyInstance,
  settings: Settings,
  { db }: OpenDatabase,
  { passwords, brokerageUrl, monitor }: Parts
): Promise<void> {
  const keys = defineKeys(
    {
      prefix: settings.CACHE_KEY_PREFIX,
      secret: settings.CACHE_KEY_SECRET ?? (await sharedSecret(db, 'CACHE_KEY_SECRET'))
    },
    dashtamFamilies
  )
  const redisUrl = settings.CACHE_REDIS_URL ?? settings.REDIS_URL
  const registry = new Registry()

  await registerOpenApi(app)
  await app.register(fastifyCache, {
    keyspace: keys.prefix,
    familyOf: keys.familyOf,
    registry,
    ...(redisUrl !== undefined && { redis: { url: redisUrl } }),
    checks: { database: () => sql`select 1`.execute(db) }
  })
  await app.register(fastifyAuthorization, {
    keys,
    createEnforcer: () => createEnforcer(db),
    userOf: ({ userId }) => userId
  })
  await app.register(fastifySecurityConfig, {
    keys,
    repository: createSecurityRepository(db),
    ttlSeconds: settings.CACHE_TTL_SECURITY_CONFIG
  })
  registerSecurityConfigMetrics(app.securityConfig, { registry })
  await app.register(fastifyRateLimit, {
    keys,
    limits: {
      api: {
        capacity: settings.RATE_LIMIT_API_PER_MINUTE,
        refillSeconds: 60,
        by: ({ userId }) => userId,
        perEndpoint: true
      }
    }
  })
  registerRateLimitMetrics(app.rateLimiter, { registry })

  await app.register(fastifyOAuthState, { keys, secure: settings.SESSION_COOKIE_SECURE })
  registerOAuthStateMetrics(app.oauthState, { registry })
  const provider = createBrokerageClient(brokerageUrl, { onCall: countCalls(registry, monitor) })

  const users = createUserRepository(db)
  const { SESSION_IDLE_SECONDS, SESSION_ABSOLUTE_SECONDS } = settings
  const sessions = createSessionRepository(db)
  forgetOverSessions(app, sessions, SESSION_IDLE_SECONDS)
  const { accounts, connections } = composeAccounts({
    app,
    db,
    keys,
    registry,
    settings,
    provider,
    secret: settings.CONNECTION_SECRET ?? (await sharedSecret(db, 'CONNECTION_SECRET'))
  })
  await app.register(api, {
    prefix: '/api/v1',
    registry,
    signIn: createSignIn({
      users,
      passwords,
      limit: createSignInLimit({
        limiter: app.rateLimiter,
        keys,
        perMinute: settings.RATE_LIMIT_SIGN_IN_PER_MINUTE
      })
    }),
    users: new Users({ repository: users, passwords, authorization: app.authorization }),
    profiles: new Profiles({
      repository: users,
      passwords,
      cache: app.cache,
      keys,
      tags: defineTags({}, { user: 'user:{userId}' }),
      codecs: { profile: profileCodec, settings: settingsCodec },
      ttlSeconds: settings.CACHE_TTL_USERS
    }),
    provider,
    accounts,
    connections,
    tokens: createTokens(settings.JWT_SECRET ?? (await sharedSecret(db, 'JWT_SECRET')), {
      accessSeconds: settings.ACCESS_TOKEN_TTL_SECONDS,
      refreshSeconds: SESSION_ABSOLUTE_SECONDS
    }),
    sessions: {
      cache: app.cache,
      keys,
      repository: sessions,
      idleSeconds: SESSION_IDLE_SECONDS,
      absoluteSeconds: SESSION_ABSOLUTE_SECONDS,
      secret: settings.SESSION_SECRET ?? (await sharedSecret(db, 'SESSION_SECRET')),
      secure: settings.SESSION_COOKIE_SECURE
    }
  })
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('/docs'))
}

/** What the cache is there to save. @returns what to call for each call of a provider */
function countCalls(registry: Registry, monitor: DatabaseMonitor): (operation: string) => void {
  new Counter({
    name: 'dashtam_demo_database_queries_total',
    help: 'Queries that the database has answered.',
    registers: [registry],
    collect() {
      this.reset()
      this.inc(monitor.queries)
    }
  })
  const calls = new Counter({
    name: 'dashtam_demo_provider_calls_total',
    help: 'Requests to providers, by operation.',
    labelNames: ['operation'],
    registers: [registry]
  })
  return operation => calls.inc({ operation })
}

/** Sessions that are over are not found any more; now and then their rows go too. */
function forgetOverSessions(app: FastifyInstance, sessions: Sessions, idleSeconds: number): void {
  const forget = async () => {
    const nowMs = Date.now()
    await sessions
      .deleteOver(nowMs, nowMs - idleSeconds * 1_000)
      .catch(err => app.log.warn({ err }, 'sessions that are over were not deleted'))
  }
  const timer = setInterval(forget, FORGET_EVERY_MS).unref()
  app.addHook('onClose', async () => clearInterval(timer))
}
