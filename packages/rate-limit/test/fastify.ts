import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { fastifyCache } from '@dashtam/fastify-cache'
import { fastifyRateLimit, type RateLimitPluginOptions } from '@dashtam/rate-limit/fastify'
import { registerRateLimitMetrics } from '@dashtam/rate-limit/prometheus'
import Fastify from 'fastify'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'

const keys = defineKeys({ prefix: 'shop', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
const THREE = { capacity: 3, refillSeconds: 60 }

async function open(t: Test, options: Partial<RateLimitPluginOptions>) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyCache, { keyspace: keys.prefix, familyOf: keys.familyOf })
  await app.register(fastifyRateLimit, { limits: { address: THREE }, keys, ...options })
  const get = async (url: string, headers: Record<string, string> = {}) => {
    const { statusCode, headers: answered, body } = await app.inject({ url, headers })
    return { statusCode, headers: answered, body }
  }
  return { app, get }
}

t.test('a route lets through what its limit allows, and says so', async t => {
  const { app, get } = await open(t, {})
  app.get('/', async () => 'here')
  for (const remaining of [2, 1, 0]) {
    const { statusCode, headers } = await get('/')
    t.equal(statusCode, 200)
    t.equal(headers['ratelimit-policy'], '"address";q=3;w=60')
    t.match(headers.ratelimit, new RegExp(`^"address";r=${remaining};t=\\d+$`))
    t.notOk('retry-after' in headers)
  }
  const { statusCode, headers, body } = await get('/')
  t.equal(statusCode, 429)
  t.match(headers, { 'retry-after': '20', ratelimit: '"address";r=0;t=20' })
  t.match(JSON.parse(body), { code: 'RATE_LIMITED', message: 'Too many requests: try again in 20 s.' })
})

t.test('limits are for whom and for what they say', async t => {
  const { app, get } = await open(t, {
    limits: {
      user: { ...THREE, by: ({ headers }) => headers.user as string | undefined },
      endpoint: { capacity: 2, refillSeconds: 60, perEndpoint: true },
      costly: { capacity: 10, refillSeconds: 60, cost: ({ headers }) => Number(headers.cost ?? 1) }
    },
    everywhere: ['user']
  })
  app.get('/user', async () => 'here')
  app.get('/one', { config: { limits: ['endpoint'] } }, async () => 'here')
  app.get('/two', { config: { limits: ['endpoint'] } }, async () => 'here')
  app.get('/both', { config: { limits: ['user', 'endpoint'] } }, async () => 'here')
  app.get('/free', { config: { limits: false } }, async () => 'here')
  app.get('/costly', { config: { limits: ['costly'] } }, async () => 'here')
  await app.register(
    (scope, _options, done) => {
      scope.get('/', { config: { limits: ['endpoint'] } }, async () => 'here')
      done()
    },
    { prefix: '/three' }
  )
  for (let requests = 0; requests < 3; requests++) t.equal((await get('/user', { user: 'a' })).statusCode, 200)
  t.equal((await get('/user', { user: 'a' })).statusCode, 429)
  t.equal((await get('/user', { user: 'b' })).statusCode, 200)
  for (let requests = 0; requests < 5; requests++) {
    const { statusCode, headers } = await get('/user')
    t.equal(statusCode, 200, 'nobody knows who it is')
    t.notOk('ratelimit' in headers)
  }
  for (const url of ['/one', '/two', '/three']) {
    t.equal((await get(url)).statusCode, 200)
    t.equal((await app.inject({ method: 'HEAD', url })).statusCode, 200)
    t.equal((await get(url)).statusCode, 429, 'HEAD counts as the GET that it stands for')
  }
  t.equal((await get('/both', { user: 'a' })).statusCode, 429)
  t.match((await get('/both', { user: 'c' })).headers.ratelimit, /^"user";r=2;t=\d+, "endpoint";r=1;t=\d+$/)
  t.notOk('ratelimit' in (await get('/free')).headers)
  t.match((await get('/costly', { cost: '7' })).headers.ratelimit, /r=3/)
  t.equal((await get('/costly', { cost: '4' })).statusCode, 429)
  t.equal((await get('/costly', { cost: '3' })).statusCode, 200)
})

t.test('a limit sees what the hooks before it have found out, and its refusal is the error of the app', async t => {
  const { app, get } = await open(t, {
    limits: { user: { capacity: 1, refillSeconds: 60, by: request => (request as { user?: string }).user } },
    hook: 'preHandler'
  })
  app.setErrorHandler((error: { statusCode: number; code: string }, _request, reply) =>
    reply.code(error.statusCode).type('application/problem+json').send({ title: error.code })
  )
  const preHandler = async (request: object) => {
    Object.assign(request, { user: 'a' })
  }
  app.get('/', { preHandler }, async () => 'here')
  t.equal((await get('/')).statusCode, 200)
  const { headers, body } = await get('/')
  t.match(headers, { 'content-type': /problem\+json/, 'retry-after': '60' })
  t.strictSame(JSON.parse(body), { title: 'RATE_LIMITED' })
})

t.test('app.rateLimiter is the limiter of the routes, and its metrics are scraped', async t => {
  const { app, get } = await open(t, {})
  const registry = new Registry()
  registerRateLimitMetrics(app.rateLimiter, { registry })
  app.get('/', async () => 'here')
  for (let requests = 0; requests < 5; requests++) await get('/')
  t.match(app.rateLimiter.stats(), { allowed: 3, refused: 1, remembered: 1 })
  const text = await registry.metrics()
  t.match(text, 'dashtam_rate_limit_decisions_total{result="allowed",source="shared"} 3')
  t.match(text, 'dashtam_rate_limit_decisions_total{result="refused",source="remembered"} 1')
  t.match(await registry.metrics(), 'dashtam_rate_limit_decisions_total{result="allowed",source="shared"} 3')
})

t.test('wrong options fail the boot, by name', async t => {
  const wrong: [options: object, message: RegExp][] = [
    [{ limit: {} }, /^unknown option 'limit'; known are limits, /],
    [{ limits: undefined }, /^limits must be an object of limits by name, got undefined$/],
    [{ keys: {} }, /^keys must have the function rateLimit$/],
    [{ limits: { 'a b': THREE } }, /^limits: a name must be 1 to 64 of A-Z a-z 0-9 _ -$/],
    [{ limits: { a: { capacity: 0, refillSeconds: 60 } } }, /^limits\.a: capacity must be an integer from 1/],
    [{ hook: 'onrequest' }, /^hook must be one of onRequest, preParsing, preValidation, preHandler, got onrequest$/],
    [{ everywhere: ['b'] }, /^everywhere: there is no limit 'b', expected one of address$/],
    [{ localShare: 2 }, /^localShare must be a number from 0 to 1, got 2$/]
  ]
  for (const [options, message] of wrong) await t.rejects(open(t, options), { name: 'TypeError', message })
  const { app } = await open(t, {})
  t.throws(() => app.get('/', { config: { limits: ['b'] } }, async () => 'here'), {
    message: "the route /: there is no limit 'b', expected one of address"
  })
  const bare = Fastify()
  t.teardown(() => bare.close())
  await t.rejects(async () => bare.register(fastifyRateLimit, { limits: { address: THREE }, keys }), {
    message: /needs @dashtam\/fastify-cache registered before it, or the options buckets and localBuckets$/
  })
})
