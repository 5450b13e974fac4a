import { createRequire } from 'node:module'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { createReadThrough } from '@dashtam/cache-tiered'
import { createSessionCache } from '@dashtam/session-cache'
import { sessionStore } from '@dashtam/session-cache/store'
import fastifyCookie from '@fastify/cookie'
import Fastify, { type FastifyPluginCallback, type FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { Stored } from '../src/stored.ts'
import { MemorySessions } from './fixtures/memory-sessions.ts'

const require = createRequire(import.meta.url)
// Its types and those of our own plugin both say what `request.session` is.
const fastifySession: FastifyPluginCallback<Record<string, unknown>> = require('@fastify/session')

/** What `@fastify/session` makes of a request. */
type Theirs = Record<string, unknown> & {
  regenerate(keys?: string[]): Promise<void>
  destroy(): Promise<void>
  save(): Promise<void>
}

const keys = defineKeys({ prefix: 'app', secret: 'a secret of at least 32 characters' }, dashtamFamilies)

type Cookies = Record<string, string>

async function open(t: Test, options: object = {}) {
  const repository = new MemorySessions<string>()
  const clock = { nowMs: Date.now() }
  const sessions = createSessionCache({
    cache: createReadThrough({ keyspace: 'app' }),
    keys,
    repository,
    now: () => clock.nowMs
  })
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyCookie)
  await app.register(fastifySession, {
    secret: 'another secret, of 32 characters',
    cookie: { secure: false, maxAge: 3_600_000 },
    store: sessionStore({ sessions }),
    ...options
  })
  const { promise: isReleased, resolve: release } = Promise.withResolvers<void>()
  const sessionOf = (request: FastifyRequest) => request.session as unknown as Theirs
  app.get('/', async request => ({ ...sessionOf(request), cookie: undefined }))
  app.post<{ Body: { userId: string; regenerates: boolean } }>('/sign-in', async request => {
    if (request.body.regenerates) await sessionOf(request).regenerate(['cart'])
    sessionOf(request).userId = request.body.userId
    return {}
  })
  app.post('/sign-out', async request => {
    await sessionOf(request).destroy()
    return {}
  })
  app.post<{ Body: object }>('/set', async request => Object.assign(sessionOf(request), request.body) && {})
  app.post('/there-and-back', async request => {
    const session = sessionOf(request)
    for (const color of ['red', 'blue']) {
      session.color = color
      await session.save()
    }
    return {}
  })
  app.get('/wrong', async (request, reply) => {
    sessionOf(request).color = 'red'
    reply.type('application/octet-stream')
    return 5
  })
  app.post('/cyclic', async request => {
    const session = sessionOf(request)
    session.self = [session.cookie, 1n]
    return {}
  })
  app.post('/slow', async request => {
    sessionOf(request).late = true
    await isReleased
    return {}
  })
  app.get('/slow', async request => {
    await isReleased
    return { ...sessionOf(request), cookie: undefined }
  })
  app.post<{ Body: { name: string } }>('/unset', async request => {
    const session = sessionOf(request)
    delete session[request.body.name]
    session.other = undefined
    return {}
  })
  app.post('/push', async request => {
    const { deep } = sessionOf(request) as { deep?: { list: number[] } }
    deep?.list.push(deep.list.length)
    await isReleased
    return {}
  })
  const browser = (cookies: Cookies = {}) => ({
    cookies,
    async send(method: 'GET' | 'POST', url: string, body?: object) {
      const answer = await app.inject({ method, url, cookies, ...(body && { body }) })
      for (const { name, value } of answer.cookies) cookies[name] = value
      return answer
    },
    async read() {
      const { __dashtam, ...rest } = (await this.send('GET', '/')).json()
      return rest
    }
  })
  return { app, repository, sessions, clock, browser, release }
}

t.test('a session is kept, and one that holds nothing is not stored', async t => {
  const { repository, sessions, browser } = await open(t)
  const ann = browser()
  t.strictSame(await ann.read(), {})
  t.equal(repository.rows.size, 0)
  await ann.send('POST', '/sign-in', { userId: 'ann', regenerates: true })
  await ann.send('POST', '/set', { deep: { list: [1] } })
  t.strictSame(await ann.read(), { userId: 'ann', deep: { list: [1] } })
  t.strictSame(await browser().read(), {}, 'it is that of one browser')
  t.equal((await sessions.getUserSessionIds('ann')).length, 1)
  t.equal(repository.rows.size, 1)
  await ann.send('POST', '/sign-out')
  t.strictSame(await ann.read(), {})
  t.equal(repository.rows.size, 0)
})

t.test('a session that is read is not written', async t => {
  const { repository, sessions, clock, browser } = await open(t)
  const ann = browser()
  await ann.send('POST', '/sign-in', { userId: 'ann', regenerates: true })
  await ann.read()
  const { calls } = repository
  const texts = new Set<string | undefined>()
  for (let reads = 0; reads < 20; reads++) {
    clock.nowMs += 1_000
    await ann.read()
    texts.add([...repository.rows.values()][0]?.data)
  }
  t.equal(repository.calls, calls, 'nobody asks the table')
  clock.nowMs += 40_000
  await ann.read()
  t.equal(sessions.stats().touched, 1, 'a use is noted')
  t.equal(sessions.stats().saved, 0)
  t.equal(texts.size, 1)
  clock.nowMs += 30 * 60_000
  t.strictSame(await ann.read(), {}, 'how long it lives is what the cache says')
})

t.test('a request that ends after the logout does not bring it back', async t => {
  for (const isRevoked of [false, true]) {
    const { repository, sessions, browser, release } = await open(t)
    const ann = browser()
    await ann.send('POST', '/sign-in', { userId: 'ann', regenerates: true })
    const slow = browser({ ...ann.cookies }).send('POST', '/slow')
    const stolen = browser({ ...ann.cookies })
    await new Promise(resolve => setTimeout(resolve, 20))
    if (isRevoked) t.equal((await sessions.deleteAllForUser('ann')).value, 1)
    else await ann.send('POST', '/sign-out')
    release()
    t.equal((await slow).statusCode, 200)
    t.equal(repository.rows.size, 0)
    t.strictSame(await stolen.read(), {})
  }
})

t.test('what is kept when a session is regenerated is kept', async t => {
  const { repository, sessions, browser } = await open(t)
  const ann = browser()
  await ann.send('POST', '/set', { cart: ['book'] })
  const before = { ...ann.cookies }
  t.match([...repository.rows.values()], [{ userId: null }])
  await ann.send('POST', '/sign-in', { userId: 'ann', regenerates: true })
  t.strictSame(await ann.read(), { cart: ['book'], userId: 'ann' })
  t.strictSame(await browser(before).read(), {}, 'who knew the id from before knows nothing')
  t.equal((await sessions.deleteAllForUser('ann')).value, 1)
  t.strictSame(await ann.read(), {})
})

t.test('what is saved last is what is kept', async t => {
  const { browser } = await open(t)
  const ann = browser()
  await ann.send('POST', '/set', { color: 'blue' })
  await ann.send('POST', '/there-and-back')
  t.strictSame(await ann.read(), { color: 'blue' })
})

t.test('a request that changes nothing does not undo what another one saves', async t => {
  const { browser, release } = await open(t)
  const ann = browser()
  for (const content of [{ color: 'blue' }, { deep: { list: [0] } }]) {
    await ann.send('POST', '/set', content)
    const slow = browser({ ...ann.cookies }).send('GET', '/slow')
    await new Promise(resolve => setTimeout(resolve, 20))
    await ann.send('POST', '/set', { color: 'red', deep: { list: [7] } })
    release()
    t.match((await slow).json(), content, 'it goes on with what it has read')
    t.strictSame(await ann.read(), { color: 'red', deep: { list: [7] } })
  }
})

t.test('what is deeper can be changed in place, and nobody sees it before it is saved', async t => {
  const { sessions, browser, release } = await open(t)
  const ann = browser()
  await ann.send('POST', '/set', { deep: { list: [] } })
  t.strictSame(await ann.read(), { deep: { list: [] } })
  const saved = sessions.stats().saved
  const slow = browser({ ...ann.cookies }).send('POST', '/push')
  await new Promise(resolve => setTimeout(resolve, 20))
  t.strictSame(await ann.read(), { deep: { list: [] } })
  t.equal(sessions.stats().saved, saved)
  release()
  await slow
  t.strictSame(await ann.read(), { deep: { list: [0] } })
  await ann.send('POST', '/push')
  t.strictSame(await ann.read(), { deep: { list: [0, 1] } })
  t.equal(sessions.stats().saved, saved + 2)
})

t.test('a name that JavaScript gives a meaning to has none', async t => {
  const data = '{"cookie":{},"deep":{"__proto__":{"isAdmin":true}}}'
  const stored = new Stored({ id: 'id', userId: null, createdAtMs: 0, lastSeenAtMs: 0, expiresAtMs: 1, data })
  const { deep } = stored.content as { readonly deep: object }
  t.equal(Object.getPrototypeOf(deep), Object.prototype)
  t.equal(JSON.stringify(deep), '{"__proto__":{"isAdmin":true}}')
  t.notOk(stored.isSame({ ...stored.content, deep: JSON.parse('{"__proto__":{"isAdmin":false}}') }))
})

t.test('what is taken out of a session is gone, whatever comes in its place', async t => {
  const { browser } = await open(t)
  const ann = browser()
  await ann.send('POST', '/set', { color: 'blue', size: 'L' })
  await ann.send('POST', '/unset', { name: 'color' })
  t.strictSame(await ann.read(), { size: 'L' })
})

t.test('a session does not change its user', async t => {
  const { browser } = await open(t)
  const ann = browser()
  await ann.send('POST', '/set', { cart: ['book'] })
  const answer = await ann.send('POST', '/sign-in', { userId: 'ann', regenerates: false })
  t.equal(answer.statusCode, 500)
  t.match(answer.json().message, /call request.session.regenerate\(\)/)
  t.strictSame(await ann.read(), { cart: ['book'] })
})

t.test('a cookie until a date, and one until the browser ends', async t => {
  for (const cookie of [{ secure: false }, { secure: false, expires: new Date(Date.now() + 60_000) }]) {
    const { repository, browser } = await open(t, { cookie })
    const ann = browser()
    await ann.send('POST', '/sign-in', { userId: 'ann', regenerates: true })
    t.match(await ann.read(), { userId: 'ann' })
    const { calls } = repository
    await ann.read()
    t.equal(repository.calls, calls)
  }
})

t.test('a session that changes at every request is in use', async t => {
  const { sessions, clock, browser } = await open(t)
  const ann = browser()
  await ann.send('POST', '/sign-in', { userId: 'ann', regenerates: true })
  for (let views = 1; views <= 10; views++) {
    clock.nowMs += 5 * 60_000
    await ann.send('POST', '/set', { views })
    t.match(await ann.read(), { userId: 'ann', views })
  }
  t.equal(sessions.stats().touched, 10)
})

t.test('what goes wrong after a session was saved is answered', async t => {
  const { browser } = await open(t)
  const ann = browser()
  await ann.send('POST', '/set', { color: 'blue' })
  t.equal((await ann.send('GET', '/wrong')).statusCode, 500)
  t.strictSame(await ann.read(), { color: 'red' })
})

t.test('what is no JSON is told', async t => {
  const { browser } = await open(t)
  const ann = browser()
  await ann.send('POST', '/set', { color: 'blue' })
  t.equal((await ann.send('POST', '/cyclic')).statusCode, 500)
  t.strictSame(await ann.read(), { color: 'blue' })
})

t.test('a fault of the table is told', async t => {
  const { repository, browser } = await open(t)
  const ann = browser()
  repository.before = () => {
    throw new Error('no database')
  }
  t.equal((await ann.send('POST', '/sign-in', { userId: 'ann', regenerates: true })).statusCode, 500)
  repository.before = () => undefined
  await ann.send('POST', '/sign-in', { userId: 'ann', regenerates: true })
  repository.before = () => {
    throw new Error('no database')
  }
  t.equal((await ann.send('POST', '/sign-out')).statusCode, 500)
})
