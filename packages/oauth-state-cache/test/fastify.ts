import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { fastifyCache } from '@dashtam/fastify-cache'
import { fastifyOAuthState, type OAuthStatePluginOptions } from '@dashtam/oauth-state-cache/fastify'
import { registerOAuthStateMetrics } from '@dashtam/oauth-state-cache/prometheus'
import fastifyCookie from '@fastify/cookie'
import Fastify from 'fastify'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'

const keys = defineKeys({ prefix: 'app', secret: 'a secret of at least 32 characters' }, dashtamFamilies)

async function open(t: Test, options: Partial<OAuthStatePluginOptions> = {}) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyCache, { keyspace: keys.prefix })
  await app.register(fastifyOAuthState, { keys, ...options })
  app.post('/connections', (request, reply) =>
    app.oauthState.create(request, reply, { userId: '42', provider: 'schwab' })
  )
  app.get<{ Querystring: { state?: string } }>('/callback', async (request, reply) => {
    const { codeVerifier, ...flow } = await app.oauthState.consume(request, reply, { state: request.query.state })
    return { ...flow, hasVerifier: codeVerifier.length === 43 }
  })
  const begin = async (cookies: Record<string, string> = {}) => {
    const begun = await app.inject({ method: 'POST', url: '/connections', cookies })
    return { begun, state: begun.json().state as string, set: begun.cookies }
  }
  const callback = (state: string, cookies: Record<string, string> = {}) =>
    app.inject({ url: `/callback?state=${encodeURIComponent(state)}`, cookies })
  return { app, begin, callback }
}

t.test('a browser begins and ends a flow, once', async t => {
  const { app, begin, callback } = await open(t)
  const { begun, state, set } = await begin()
  t.strictSame(Object.keys(begun.json()).sort(), ['codeChallenge', 'codeChallengeMethod', 'state'])
  const [cookie] = set
  t.match(cookie, { httpOnly: true, secure: true, sameSite: 'Lax', path: '/', maxAge: 600 })
  t.match(cookie?.name, /^__Host-oauth-.{8}$/)
  t.notOk(begun.body.includes(cookie?.value ?? ''), 'the token is in the cookie alone')
  const cookies = { [cookie?.name ?? '']: cookie?.value ?? '' }
  const done = await callback(state, cookies)
  t.strictSame(done.json(), { userId: '42', provider: 'schwab', hasVerifier: true })
  t.match(done.cookies, [{ name: cookie?.name, value: '', path: '/' }], 'the cookie is cleared')
  const again = await callback(state, cookies)
  t.match(again.json(), { statusCode: 400, code: 'invalid_state' })
  t.match(app.oauthState.stats(), { created: 1, consumed: 1, invalid: 1 })
})

t.test('what happens is counted', async t => {
  const { app, begin, callback } = await open(t)
  const registry = new Registry()
  registerOAuthStateMetrics(app.oauthState, { registry })
  const { state } = await begin()
  await callback(state)
  const scrape = await registry.metrics()
  for (const line of ['event="created"} 1', 'event="invalid"} 1', 'event="consumed"} 0']) t.match(scrape, line)
})

t.test('another browser does not end it, and a state that is none is 400', async t => {
  const { begin, callback } = await open(t)
  const { state } = await begin()
  const stranger = await begin()
  const theirs = Object.fromEntries(stranger.set.map(({ name, value }) => [name, value]))
  t.equal((await callback(state, theirs)).statusCode, 400)
  for (const bad of ['', 'x', '__proto__', 'constructor', '\u0000', 'x'.repeat(10_000), `${state}\r\n`]) {
    t.match((await callback(bad)).json(), { statusCode: 400, code: 'invalid_state' })
  }
})

t.test('what the app has set up for its cookies does not hold for these', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyCookie, { secret: 'a secret', parseOptions: { signed: true, domain: 'example.com' } })
  await app.register(fastifyCache, { keyspace: keys.prefix })
  await app.register(fastifyOAuthState, { keys })
  app.get('/begin', (request, reply) => app.oauthState.create(request, reply, { userId: '42', provider: 'schwab' }))
  app.get<{ Querystring: { state: string } }>('/callback', (request, reply) =>
    app.oauthState.consume(request, reply, { state: request.query.state })
  )
  const begun = await app.inject('/begin')
  const [cookie] = begun.cookies
  t.equal(cookie?.domain, undefined)
  const cookies = { [cookie?.name ?? '']: cookie?.value ?? '' }
  t.equal((await app.inject({ url: `/callback?state=${begun.json().state}`, cookies })).statusCode, 200)
})

t.test('a browser has five flows open at most', async t => {
  const { begin, callback } = await open(t, { secure: false })
  const cookies: Record<string, string> = {}
  const states: string[] = []
  for (let flows = 0; flows < 7; flows++) {
    const { state, set } = await begin(cookies)
    states.push(state)
    for (const { name, value } of set) {
      t.match(name, /^oauth-/)
      if (value === '') delete cookies[name]
      else cookies[name] = value
    }
  }
  t.equal(Object.keys(cookies).length, 5)
  const answers = await Promise.all(states.map(async state => (await callback(state, cookies)).statusCode))
  t.strictSame(answers, [400, 400, 200, 200, 200, 200, 200])
})

t.test('without its cache no flow begins or ends: 503', async t => {
  const { app, begin, callback } = await open(t)
  const { state, set } = await begin()
  await app.cacheStore.close()
  const cookies = Object.fromEntries(set.map(({ name, value }) => [name, value]))
  const refused = await callback(state, cookies)
  t.match(refused.json(), { statusCode: 503, code: 'OAUTH_STATE_UNAVAILABLE' })
  t.strictSame(refused.cookies, [], 'the cookie stays for another attempt')
  t.equal((await begin()).begun.statusCode, 503)
})

t.test('wrong options fail the boot, by name', async t => {
  await t.rejects(open(t, { ttl: 5 } as object), { message: /^unknown option 'ttl'/ })
  await t.rejects(open(t, { ttlSeconds: 0 }), { message: 'ttlSeconds must be a number above 0, got 0' })
  const bare = Fastify()
  t.teardown(() => bare.close())
  await t.rejects(async () => bare.register(fastifyOAuthState, { keys }), {
    message: /needs @dashtam\/fastify-cache registered before it, or the option cache$/
  })
})
