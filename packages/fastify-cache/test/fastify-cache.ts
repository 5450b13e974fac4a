import { InMemoryCache } from '@dashtam/cache-memory'
import { ok } from '@dashtam/cache-protocol'
import { type FastifyCacheOptions, fastifyCache } from '@dashtam/fastify-cache'
import { randomPrefix, sharedRedisUrl, startRedis } from '@dashtam/testkit'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { Registry } from 'prom-client'
import t from 'tap'

/** Enough for a boot on a busy machine. */
const PATIENT_MS = 5_000

t.test('fastifyCache gives the app a cache in memory when nothing is said', async t => {
  const app = await boot()
  t.strictSame(await app.cacheStore.set('dashtam:a', 'v'), ok(undefined))
  t.strictSame(await app.cacheStore.get('dashtam:a'), ok('v'))
  t.match(await health(app), { status: 'healthy', cache: 'up', since: /^\d{4}-.*Z$/, reason: undefined })
  await app.close()
  t.match(await app.cacheStore.get('dashtam:a'), { error: { reason: 'closed' } }, 'closes with the app')
})

t.test(
  'fastifyCache counts what is done through app.cacheStore, by family, in app.cacheMetrics and /metrics',
  async t => {
    const app = await boot({ keyspace: 'k', familyOf: key => key.split(':')[1] })
    await app.cacheStore.get('k:user:1')
    await app.cacheStore.set('k:user:1', 'v')
    await app.cacheStore.get('k:user:1')
    t.match(app.cacheMetrics.getStats('user'), { hits: 1, misses: 1, totalRequests: 2, hitRate: 0.5 })
    const { body, headers } = await app.inject('/metrics')
    t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/)
    t.match(body, 'dashtam_cache_requests_total{namespace="user",result="hit"} 1')
    t.match(body, 'dashtam_cache_up 1')
    await health(app)
    t.notMatch((await app.inject('/metrics')).body, 'operation="ping"', 'asking for the health is no use of the cache')
    await app.close()
  }
)

t.test('fastifyCache uses a store of the app, and leaves it open', async t => {
  const store = new InMemoryCache({ keyspace: 'k' })
  const app = await boot({ store })
  await app.cacheStore.set('k:a', 'v')
  await app.close()
  t.strictSame(await store.get('k:a'), ok('v'))
})

t.test('fastifyCache uses the registry and the paths of the app', async t => {
  const registry = new Registry()
  const app = await boot({ registry, routes: { health: '/live', ready: false, metrics: false } })
  t.equal((await app.inject('/live')).statusCode, 200)
  for (const path of ['/health', '/health/ready', '/metrics']) t.equal((await app.inject(path)).statusCode, 404)
  t.match(await registry.metrics(), 'dashtam_cache_up 1')
  await app.close()
})

t.test('/health/ready is 503 only when a check fails, names it, and logs each change once', async t => {
  const lines: string[] = []
  let fault: Error | undefined
  const database = async () => {
    if (fault !== undefined) throw fault
  }
  const app = await boot(
    { checks: { database, slow: async () => 1 } },
    { logger: { stream: { write: line => void lines.push(line) } } }
  )
  t.strictSame((await app.inject('/health/ready')).json(), { status: 'ready' })
  fault = new Error('connection refused')
  for (let attempt = 0; attempt < 3; attempt++) {
    const response = await app.inject('/health/ready')
    t.equal(response.statusCode, 503)
    t.strictSame(response.json(), { status: 'unavailable', failing: ['database'] })
  }
  t.equal((await app.inject('/health')).statusCode, 200, 'which is not its business')
  fault = undefined
  t.equal((await app.inject('/health/ready')).statusCode, 200)
  const logged = lines.map(line => JSON.parse(line)).filter(({ check }) => check === 'database')
  t.strictSame(
    logged.map(({ msg }) => msg),
    ['not ready', 'ready again']
  )
  await app.close()
})

t.test('/health/ready does not wait for a check that hangs', async t => {
  const app = await boot({ checks: { database: () => new Promise(() => {}) } })
  const started = performance.now()
  t.equal((await app.inject('/health/ready')).statusCode, 503)
  t.ok(performance.now() - started < 2_000)
  await app.close()
})

t.test('/health tells since when and why Redis is away, and when it is back', async t => {
  const server = await startRedis()
  const keyspace = randomPrefix()
  const app = await boot({ keyspace, redis: { url: server.url, bootTimeoutMs: PATIENT_MS } })
  t.teardown(async () => {
    await app.close()
    await server.stop()
  })
  t.match(await health(app), { status: 'healthy', cache: 'up' })
  await server.stop()
  t.ok(await eventually(async () => (await health(app)).cache === 'down'))
  const down = await health(app)
  t.match(down, { status: 'degraded', cache: 'down', reason: 'connection' })
  t.match((await app.inject('/metrics')).body, 'dashtam_cache_up 0')
  t.match(await app.cacheStore.get(`${keyspace}:a`), { ok: false })
  t.equal((await health(app)).since, down.since, 'the moment of the change stays')
  await server.restart()
  t.ok(await eventually(async () => (await health(app)).cache === 'up'))
  t.ok(await eventually(async () => (await health(app)).status === 'healthy'), 'once it hears of changes again')
  t.match(await health(app), { cache: 'up', feed: 'up', reason: undefined })
})

t.test('fastifyCache uses the app.redis that is there when redis is {}', async t => {
  const app = Fastify()
  const { default: fastifyRedis } = await import('@fastify/redis')
  await app.register(fastifyRedis, { url: await sharedRedisUrl() })
  const keyspace = randomPrefix()
  await app.register(fastifyCache, { keyspace, redis: {} })
  t.strictSame(await app.cacheStore.set(`${keyspace}:a`, 'v', { ttlSeconds: 10 }), ok(undefined))
  await app.cacheStore.flush()
  await app.close()
})

t.test('fastifyCache fails the boot, by name, when it is told wrongly', async t => {
  const wrong: [options: object, message: RegExp][] = [
    [{ keySpace: 'k' }, /unknown option 'keySpace'; known are keyspace/],
    [{ keyspace: 'a b' }, /keyspace must be/],
    [{ ttlSeconds: 0 }, /ttlSeconds must be/],
    [{ memory: { maxEntries: 0 } }, /maxEntries must be/],
    [{ memory: { maxEntires: 1 } }, /unknown option 'maxEntires'/],
    [{ memory: {}, redis: {} }, /one place only, got redis and memory/],
    [{ redis: {} }, /needs `url`/],
    [{ redis: 'redis://localhost' }, /redis must be an object, as in \{ url \}; got string/],
    [{ store: {} }, /store must be an adapter/],
    [{ checks: { database: 'up' } }, /checks.database must be a function, got string/],
    [{ redis: { url: 'nonsense' } }, /url must be/],
    [{ redis: { url: 'redis://127.0.0.1:1', commandTimeout: 1 } }, /unknown option 'commandTimeout'/],
    [{ routes: { healthz: '/' } }, /unknown route 'healthz'; known are health, ready, metrics/],
    [{ routes: { health: 'health' } }, /routes.health must be a path that begins with '\/', or false; got "health"/]
  ]
  for (const [options, message] of wrong) await t.rejects(boot(options), { message })
})

t.test('fastifyCache cannot be registered twice in one scope', async t => {
  const app = Fastify()
  app.register(fastifyCache)
  app.register(fastifyCache)
  await t.rejects(async () => app.ready(), { message: '@dashtam/fastify-cache is already registered in this scope' })
})

async function boot(options: FastifyCacheOptions = {}, server: FastifyServerOptions = {}): Promise<FastifyInstance> {
  const app = Fastify(server)
  await app.register(fastifyCache, options)
  await app.ready()
  return app as FastifyInstance
}

async function health(app: FastifyInstance) {
  const response = await app.inject('/health')
  if (response.statusCode !== 200) throw new Error(`/health is always 200, got ${response.statusCode}`)
  return response.json()
}

async function eventually(isSo: () => Promise<boolean>): Promise<boolean> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await isSo()) return true
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  return false
}
