import type { CacheProtocol, DeepReadonly, MemberIndex, ReadThrough } from '@dashtam/cache-protocol'
import { RecentMap, refuseUnknown } from '@dashtam/cache-protocol/adapter'
import fastifyCookie from '@fastify/cookie'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Session } from './session.ts'
import {
  createSessionCache,
  type SessionCache,
  type SessionCacheOptions,
  type SessionReadOptions
} from './session-cache.ts'
import { StoredSessions } from './stored-sessions.ts'

/** What the app keeps in a session: extend it by declaration merging. */
// biome-ignore lint/suspicious/noEmptyInterface: it is for apps to extend
export interface SessionData {}

/** What a route says about sessions, as `config.session`: `false` takes no notice of them. */
export type RouteSession = false | SessionReadOptions

declare module 'fastify' {
  interface FastifyInstance {
    /** The sessions of all users. */
    sessions: SessionCache<SessionData>
  }
  interface FastifyRequest {
    /** The session that the browser's cookie stands for; `null` when nobody is signed in. */
    session: DeepReadonly<Session<SessionData>> | null
    /**
     * Saves other data in the session. @returns `false`, and nothing is saved, when there is none or it has ended meanwhile.
     */
    saveSession(data: SessionData): Promise<boolean>
  }
  interface FastifyReply {
    /** Begins a session of this user and sets its cookie; the one of `request.session` ends. */
    signIn(user: SignedIn): Promise<Session<SessionData>>
    /** Ends the session of this browser, and clears its cookie. */
    signOut(): Promise<void>
  }
  interface FastifyContextConfig {
    session?: RouteSession
  }
}

export interface SignedIn {
  readonly userId: string
  /** @defaultValue `{}` */
  readonly data?: SessionData
}

type CacheOptions = SessionCacheOptions<SessionData>

export interface SessionPluginOptions extends Omit<CacheOptions, 'cache' | 'repository'> {
  /** @defaultValue `app.cache` of `@dashtam/fastify-cache` */
  readonly cache?: CacheOptions['cache']
  /** The truth. @defaultValue `StoredSessions` in `app.cacheStore` and `app.cacheMembers` */
  readonly repository?: CacheOptions['repository']
  /**
   * Signs the cookies: a text of at least 32 characters, known to the whole fleet; or several, of which the first signs and
   * all are believed.
   */
  readonly secret: string | readonly string[]
  /** @defaultValue `'__Host-session'`; `'session'` if it is not `secure` */
  readonly cookieName?: string
  /** Whether the browser sends the cookie over HTTPS alone. `false` is for development without. @defaultValue true */
  readonly secure?: boolean
}

const MIN_SECRET_LENGTH = 32
/** Of so many cookies it is known that we have signed them: to find out takes longer than to find their sessions. */
const REMEMBERED = 4_096
const KNOWN = [
  'cache',
  'keys',
  'repository',
  'idleSeconds',
  'absoluteSeconds',
  'verifySeconds',
  'codec',
  'now',
  'secret',
  'cookieName',
  'secure'
]

const plugin: FastifyPluginAsync<SessionPluginOptions> = async (app, options) => {
  refuseUnknown(options, KNOWN)
  const { secret, secure = true, cookieName = secure ? '__Host-session' : 'session', ...given } = options
  const cache = given.cache ?? decoratorOf<ReadThrough>(app, 'cache', 'cache')
  const repository = given.repository ?? storedSessions(app, given)
  const sessions = createSessionCache<SessionData>({ ...given, cache, repository })
  const signer = new fastifyCookie.Signer(checkedSecrets(secret))
  const attributes = {
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    secure,
    // What the app has set up for its other cookies does not hold for this one.
    domain: undefined as never,
    signed: false
  } as const

  const known = new RecentMap<string>(REMEMBERED)
  /** The id in a cookie that we have signed. */
  const idIn = (cookie: string): string | undefined => {
    const remembered = known.get(cookie)
    if (remembered !== undefined) return remembered
    const { valid, value } = signer.unsign(cookie)
    if (!valid || value === null) return undefined
    known.set(cookie, value)
    return value
  }

  if (!app.hasReplyDecorator('setCookie')) await app.register(fastifyCookie)
  app.decorate('sessions', sessions)
  app.decorateRequest('session', null)
  app.decorateRequest('saveSession', async function saveSession(this: FastifyRequest, data: SessionData) {
    if (this.session === null) return false
    const { id } = this.session
    const { value: isSaved } = await sessions.set({ id, data })
    this.session = isSaved ? ((await sessions.get(id)) ?? null) : null
    return isSaved
  })
  app.decorateReply('signIn', async function signIn(this: FastifyReply, { userId, data = {} }: SignedIn) {
    const before = this.request.session
    const { value: session } = await sessions.create({ userId, data })
    // Not before the new one is there: who cannot sign in stays who he was.
    if (before !== null) await sessions.delete(before.id)
    this.request.session = (await sessions.get(session.id)) ?? null
    this.setCookie(cookieName, signer.sign(session.id), {
      ...attributes,
      maxAge: Math.ceil(sessions.absoluteSeconds)
    })
    return session
  })
  app.decorateReply('signOut', async function signOut(this: FastifyReply) {
    if (this.request.session !== null) await sessions.delete(this.request.session.id)
    this.request.session = null
    this.clearCookie(cookieName, attributes)
  })

  app.addHook('onRequest', async request => {
    const settings = request.routeOptions.config.session
    // Where the app has `@fastify/cookie` read them later, they are not there yet.
    const cookies = request.cookies ?? app.parseCookie(request.headers.cookie ?? '')
    const cookie = cookies[cookieName]
    if (cookie === undefined || settings === false) return
    const sessionId = idIn(cookie)
    if (sessionId === undefined) return
    const session = await sessions.get(sessionId, settings)
    if (session === undefined) return
    request.session = session
    if (sessions.isUseNoted(session)) return
    // A use that could not be noted is no reason to refuse it.
    void sessions.touch(session).catch(err => request.log.warn({ err }, 'the use of a session was not noted'))
  })
}

/** Makes `app.sessions`, `request.session`, `reply.signIn` and `reply.signOut`. Registers `@fastify/cookie` if the app has not. */
export const fastifySessions = fp(plugin, { name: '@dashtam/session-cache', fastify: '5.x' })
export default fastifySessions

function storedSessions(
  app: Parameters<typeof decoratorOf>[0],
  { keys, idleSeconds, codec, now }: Pick<SessionPluginOptions, 'keys' | 'idleSeconds' | 'codec' | 'now'>
): StoredSessions<SessionData> {
  return new StoredSessions<SessionData>({
    store: decoratorOf<CacheProtocol>(app, 'cacheStore', 'repository'),
    members: decoratorOf<MemberIndex>(app, 'cacheMembers', 'repository'),
    keys,
    ...(idleSeconds !== undefined && { idleSeconds }),
    ...(codec !== undefined && { codec }),
    ...(now !== undefined && { now })
  })
}

function checkedSecrets(secret: string | readonly string[]): string[] {
  const secrets = [secret].flat() as string[]
  const isGood = (text: unknown) => typeof text === 'string' && text.length >= MIN_SECRET_LENGTH
  if (secrets.length > 0 && secrets.every(isGood)) return secrets
  throw new TypeError(`secret must be a text of at least ${MIN_SECRET_LENGTH} characters, or several of them`)
}

function decoratorOf<T>(app: { hasDecorator(name: string): boolean }, name: string, option: string): T {
  if (!app.hasDecorator(name)) {
    throw new TypeError(
      `@dashtam/session-cache needs @dashtam/fastify-cache registered before it, or the option ${option}`
    )
  }
  return (app as unknown as Readonly<Record<string, T>>)[name] as T
}
