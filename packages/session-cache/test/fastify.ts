import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { fastifyCache } from '@dashtam/fastify-cache'
import { fastifySessions, type SessionData, type SessionPluginOptions } from '@dashtam/session-cache/fastify'
import { registerSessionMetrics } from '@dashtam/session-cache/prometheus'
import { startRedis } from '@dashtam/testkit'
import fastifyCookie from '@fastify/cookie'
import Fastify from 'fastify'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { MemorySessions } from './fixtures/memory-sessions.ts'

declare module '@dashtam/session-cache/fastify' {
  interface SessionData {
    readonly theme?: string
  }
}

const keys = defineKeys({ prefix: 'app', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
const secret = 'another secret, of 32 characters'

type Cookies = Record<string, string>

async function open(t: Test, options: Partial<SessionPluginOptions> = {}, redisUrl?: string) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyCache, {
    keyspace: keys.prefix,
    ...(redisUrl !== undefined && { redis: { url: redisUrl } })
  })
  await app.register(fastifySessions, { keys, secret, ...options })
  app.post<{ Body: { userId: string } }>('/sessions', async ({ body }, reply) => {
    const { id } = await reply.signIn({ userId: body.userId, data: { theme: 'light' } })
    return { id }
  })
  app.get('/me', async ({ session }) => ({ userId: session?.userId ?? null, theme: session?.data.theme ?? null }))
  app.get('/strong', { config: { session: { consistency: 'strong' } } }, async ({ session }) => ({
    userId: session?.userId ?? null
  }))
  app.get('/public', { config: { session: false } }, async ({ session }) => ({ session }))
  app.put<{ Body: { theme: string } }>('/theme', async (request, reply) => {
    const isSaved = await request.saveSession(request.body)
    return reply.code(isSaved ? 200 : 401).send({ theme: request.session?.data.theme ?? null })
  })
  app.delete('/sessions', async (_request, reply) => {
    await reply.signOut()
    return reply.code(204).send()
  })
  const signIn = async (userId: string, cookies: Cookies = {}) => {
    const answer = await app.inject({ method: 'POST', url: '/sessions', body: { userId }, cookies })
    const [cookie] = answer.cookies
    return { answer, cookie, cookies: { [cookie?.name ?? '']: cookie?.value ?? '' }, id: answer.json().id as string }
  }
  const me = async (cookies: Cookies, url = '/me') => (await app.inject({ url, cookies })).json()
  return { app, signIn, me }
}

t.test('a browser signs in, is known, and signs out', async t => {
  const { app, signIn, me } = await open(t)
  t.strictSame(await me({}), { userId: null, theme: null })
  const { cookie, cookies, id } = await signIn('ann')
  t.match(cookie, {
    name: '__Host-session',
    httpOnly: true,
    secure: true,
    sameSite: 'Lax',
    path: '/',
    maxAge: 2_592_000
  })
  t.strictSame(await me(cookies), { userId: 'ann', theme: 'light' })
  t.strictSame(await me(cookies, '/strong'), { userId: 'ann' })
  t.strictSame(await me(cookies, '/public'), { session: null }, 'a route may take no notice')
  const saved = await app.inject({ method: 'PUT', url: '/theme', body: { theme: 'dark' }, cookies })
  t.strictSame(saved.json(), { theme: 'dark' })
  t.strictSame(await me(cookies), { userId: 'ann', theme: 'dark' })
  t.strictSame(await app.sessions.getUserSessionIds('ann'), [id])
  const ended = await app.inject({ method: 'DELETE', url: '/sessions', cookies })
  t.match(ended.cookies, [{ name: '__Host-session', value: '', path: '/' }])
  t.strictSame(await me(cookies), { userId: null, theme: null })
  t.equal((await app.inject({ method: 'PUT', url: '/theme', body: { theme: 'x' }, cookies })).statusCode, 401)
  t.equal((await app.inject({ method: 'DELETE', url: '/sessions' })).statusCode, 204, 'nobody may sign out too')
})

t.test('who signs in gets another session, and the one before ends', async t => {
  const { app, signIn, me } = await open(t)
  const first = await signIn('ann')
  const second = await signIn('bob', first.cookies)
  t.not(second.id, first.id)
  t.strictSame(await me(first.cookies), { userId: null, theme: null })
  t.strictSame(await me(second.cookies), { userId: 'bob', theme: 'light' })
  t.strictSame(await app.sessions.getUserSessionIds('ann'), [])
})

t.test('a cookie that nobody has signed is no session', async t => {
  const { signIn, me } = await open(t)
  const { cookie, id } = await signIn('ann')
  const { cookies: foreign } = await (await open(t, { secret: 'a secret of somebody else entirely' })).signIn('ann')
  const value = cookie?.value ?? ''
  const forged = [
    id,
    `${id}.`,
    `${id}.x`,
    value.slice(0, -1),
    `${value}x`,
    `x${value}`,
    '',
    '.',
    'null',
    '%00',
    'é'.repeat(9)
  ]
  for (const text of [...forged, ...Object.values(foreign)]) {
    t.strictSame(await me({ '__Host-session': text }), { userId: null, theme: null }, JSON.stringify(text))
  }
})

t.test('secrets rotate', async t => {
  const { app, cookie } = await open(t).then(async opened => ({ ...opened, ...(await opened.signIn('ann')) }))
  const [id = ''] = await app.sessions.getUserSessionIds('ann')
  const repository = new MemorySessions<SessionData>()
  const rotated = await open(t, { repository, secret: ['the new secret, of 32 characters', secret] })
  await rotated.app.sessions.create({ id, userId: 'ann', data: {} })
  t.match(await rotated.me({ '__Host-session': cookie?.value ?? '' }), { userId: 'ann' })
})

t.test('with a database, and Redis that does not answer', async t => {
  await using redis = await startRedis()
  const repository = new MemorySessions<SessionData>()
  const { app, signIn, me } = await open(t, { repository }, redis.url)
  const { cookies, id } = await signIn('ann')
  t.equal(repository.rows.get(id)?.userId, 'ann')
  await redis.freeze()
  t.match(await me(cookies), { userId: 'ann' })
  t.match(await me((await signIn('bob')).cookies), { userId: 'bob' })
  await app.inject({ method: 'DELETE', url: '/sessions', cookies })
  t.match(await me(cookies), { userId: null })
  await redis.resume()
})

t.test('sessions that are stored in Redis alone cannot be told when it does not answer', async t => {
  await using redis = await startRedis()
  const { app, signIn } = await open(t, { verifySeconds: 0.05 }, redis.url)
  const { cookies } = await signIn('ann')
  await redis.freeze()
  await new Promise(resolve => setTimeout(resolve, 100))
  const answer = await app.inject({ url: '/me', cookies })
  t.match(answer.json(), { statusCode: 503, code: 'SESSION_STORE_ERROR' })
  t.notMatch(answer.body, /ann|app:/)
  await redis.resume()
})

t.test('a use that cannot be noted is no reason to refuse it', async t => {
  const repository = new MemorySessions<SessionData>()
  const clock = { nowMs: Date.now() }
  const { signIn, me } = await open(t, { repository, now: () => clock.nowMs })
  const { cookies, id } = await signIn('ann')
  clock.nowMs += 59_000
  t.match(await me(cookies), { userId: 'ann' })
  t.not(repository.rows.get(id)?.lastSeenAtMs, clock.nowMs)
  clock.nowMs += 1_000
  repository.before = statement => {
    if (statement === 'touch') throw new Error('read only')
  }
  t.match(await me(cookies), { userId: 'ann' })
  repository.before = () => undefined
  t.match(await me(cookies), { userId: 'ann' })
  t.equal(repository.rows.get(id)?.lastSeenAtMs, clock.nowMs)
})

t.test('what happens is counted', async t => {
  const { app, signIn, me } = await open(t)
  const registry = new Registry()
  registerSessionMetrics(app.sessions, { registry })
  await me((await signIn('ann')).cookies)
  await app.sessions.deleteAllForUser('ann')
  const scrape = await registry.metrics()
  for (const line of ['event="created"} 1', 'event="found"} 2', 'event="revoked"} 1']) t.match(scrape, line)
})

t.test('an app may have cookies read later than that', async t => {
  for (const hook of ['preHandler', false] as const) {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(fastifyCookie, { hook })
    await app.register(fastifyCache, { keyspace: keys.prefix })
    await app.register(fastifySessions, { keys, secret })
    app.post('/', async (_request, reply) => (await reply.signIn({ userId: 'ann' })).id)
    app.get('/', async ({ session }) => session?.userId ?? 'nobody')
    const [cookie] = (await app.inject({ method: 'POST', url: '/' })).cookies
    const headers = { cookie: `${cookie?.name}=${cookie?.value}` }
    t.equal((await app.inject({ url: '/', headers })).body, 'ann')
    t.equal((await app.inject('/')).body, 'nobody')
  }
})

t.test('what a request has of its session cannot be changed but by saving', async t => {
  const { app, signIn } = await open(t)
  app.get('/frozen', async ({ session }) => ({ isFrozen: Object.isFrozen(session) && Object.isFrozen(session?.data) }))
  app.put('/frozen', async request => {
    await request.saveSession({ theme: 'dark' })
    return { isFrozen: Object.isFrozen(request.session?.data), theme: request.session?.data.theme }
  })
  const { cookies } = await signIn('ann')
  t.strictSame((await app.inject({ url: '/frozen', cookies })).json(), { isFrozen: true })
  const saved = await app.inject({ method: 'PUT', url: '/frozen', cookies })
  t.strictSame(saved.json(), { isFrozen: true, theme: 'dark' })
})

t.test('a wrong option is told', async t => {
  await t.rejects(open(t, { secret: 'short' }), /secret must be a text of at least 32 characters/)
  await t.rejects(open(t, { secret: [] }), /secret must be a text of at least 32 characters/)
  await t.rejects(open(t, { maxAge: 1 } as never), /unknown option 'maxAge'/)
  const app = Fastify()
  await t.rejects(async () => app.register(fastifySessions, { keys, secret }), /needs @dashtam\/fastify-cache/)
})

t.test('without HTTPS the cookie has another name', async t => {
  const { signIn, me } = await open(t, { secure: false })
  const { cookie, cookies } = await signIn('ann')
  t.match(cookie, { name: 'session', httpOnly: true })
  t.equal(cookie?.secure, undefined)
  t.match(await me(cookies), { userId: 'ann' })
})
