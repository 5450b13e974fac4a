// One of the servers of sessions.bench.ts: `node session-server.ts <name> <url of Redis>`.
import { createRequire } from 'node:module'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { fastifyCache } from '@dashtam/fastify-cache'
import { createSessionCache, StoredSessions } from '@dashtam/session-cache'
import { fastifySessions } from '@dashtam/session-cache/fastify'
import { sessionStore } from '@dashtam/session-cache/store'
import fastifyCookie from '@fastify/cookie'
import { RedisStore } from 'connect-redis'
import Fastify, {
  type FastifyInstance,
  type FastifyPluginCallback,
  type FastifyReply,
  type FastifyRequest
} from 'fastify'
import { Redis } from 'ioredis'
import { createClient } from 'redis'

// Its types and those of our own plugin both say what `request.session` is.
const require = createRequire(import.meta.url)
const fastifySession: FastifyPluginCallback<Record<string, unknown>> = require('@fastify/session')

const [name = '', redisUrl = ''] = process.argv.slice(2)
const SECRET = 'a secret of at least 32 characters'

interface User {
  readonly userId: string
  readonly data: object
}

interface Sessions {
  signIn(user: User, request: FastifyRequest, reply: FastifyReply): unknown
  userOf(request: FastifyRequest): Promise<string | undefined> | string | undefined
}

const servers: Readonly<Record<string, (app: FastifyInstance) => Promise<Sessions>>> = {
  async handWritten(app) {
    const redis = new Redis(redisUrl)
    await app.register(fastifyCookie, { secret: SECRET })
    return {
      async signIn(user, _request, reply) {
        const sessionId = crypto.randomUUID()
        await redis.set(`session:${sessionId}`, JSON.stringify(user), 'EX', 1_800)
        reply.setCookie('session', sessionId, { signed: true, httpOnly: true, path: '/' })
      },
      async userOf(request) {
        const { valid, value } = request.unsignCookie(request.cookies.session ?? '')
        const text = valid ? await redis.get(`session:${value}`) : null
        return text === null ? undefined : JSON.parse(text).userId
      }
    }
  },

  async plugin(app) {
    const keys = await openCache(app)
    await app.register(fastifySessions, { keys, secret: SECRET, secure: false })
    return {
      signIn: (user, _request, reply) => reply.signIn(user),
      userOf: request => request.session?.userId ?? undefined
    }
  },

  async connectRedis(app) {
    const client = await createClient({ url: redisUrl }).connect()
    return openFastifySession(app, { store: new RedisStore({ client }) })
  },

  async memoryStore(app) {
    return openFastifySession(app, {})
  },

  async sessionStore(app) {
    const keys = await openCache(app)
    const repository = new StoredSessions<string>({ store: app.cacheStore, members: app.cacheMembers, keys })
    const sessions = createSessionCache({ cache: app.cache, keys, repository })
    return openFastifySession(app, { store: sessionStore({ sessions }) })
  }
}

async function openCache(app: FastifyInstance) {
  const keys = defineKeys({ prefix: name, secret: SECRET }, dashtamFamilies)
  await app.register(fastifyCache, { keyspace: keys.prefix, familyOf: keys.familyOf, redis: { url: redisUrl } })
  return keys
}

async function openFastifySession(app: FastifyInstance, options: object): Promise<Sessions> {
  await app.register(fastifyCookie)
  await app.register(fastifySession, { secret: SECRET, cookie: { secure: false }, ...options })
  const sessionOf = (request: FastifyRequest) => request.session as unknown as { userId?: string }
  return {
    signIn: ({ userId, data }, request) => Object.assign(sessionOf(request), { userId, ...data }),
    userOf: request => sessionOf(request).userId
  }
}

const open = servers[name]
if (open === undefined) throw new TypeError(`no server is called '${name}'`)
const app = Fastify()
const { signIn, userOf } = await open(app)
app.post<{ Body: User }>('/sign-in', async (request, reply) => {
  await signIn(request.body, request, reply)
  return {}
})
app.get('/me', async request => ({ userId: await userOf(request) }))
// Ends with the bench, however that ends.
process.once('disconnect', () => process.exit())
process.send?.(await app.listen())
