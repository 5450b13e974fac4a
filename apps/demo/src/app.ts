import { fastifyAuthorization } from '@dashtam/authorization-cache/fastify'
import { dashtamFamilies, defineKeys, defineTags } from '@dashtam/cache-keys'
import { fastifyCache } from '@dashtam/fastify-cache'
import { fastifyRateLimit } from '@dashtam/rate-limit/fastify'
import { registerRateLimitMetrics } from '@dashtam/rate-limit/prometheus'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import { sql } from 'kysely'
import { Registry } from 'prom-client'
import { Accounts } from './application/accounts.ts'
import type { Passwords } from './application/ports.ts'
import { createSignIn } from './application/sign-in.ts'
import { Users } from './application/users.ts'
import { accountCodec, accountListCodec } from './infrastructure/cache/account-codecs.ts'
import { createAccountRepository } from './infrastructure/database/account-repository.ts'
import { DatabaseMonitor, isUnavailable } from './infrastructure/database/availability.ts'
import { type OpenDatabase, openEmbeddedDatabase, openServerDatabase } from './infrastructure/database/connect.ts'
import { prepareDatabase } from './infrastructure/database/prepare.ts'
import { createSessionRepository, type Sessions } from './infrastructure/database/session-repository.ts'
import { sharedSecret } from './infrastructure/database/shared-secret.ts'
import { createUserRepository } from './infrastructure/database/user-repository.ts'
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
    await registerRoutes(app, settings, database, passwords)
    await app.ready()
    return { app, database: database.description }
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

async function openDatabase(
  { DATABASE_URL, DATA_DIR }: Settings,
  app: FastifyInstance,
  monitor: DatabaseMonitor,
  passwords: Passwords
): Promise<OpenDatabase> {
  const database = await (DATABASE_URL === undefined
    ? openEmbeddedDatabase(DATA_DIR)
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
  passwords: Passwords
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

  const users = createUserRepository(db)
  const { SESSION_IDLE_SECONDS, SESSION_ABSOLUTE_SECONDS } = settings
  const sessions = createSessionRepository(db)
  forgetOverSessions(app, sessions, SESSION_IDLE_SECONDS)
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
    accounts: new Accounts({
      repository: createAccountRepository(db),
      cache: app.cache,
      keys,
      tags: defineTags({}, { accountsOfUser: 'accounts:user:{userId}' }),
      codecs: { account: accountCodec, list: accountListCodec },
      ttlSeconds: settings.CACHE_TTL_ACCOUNTS
    }),
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
