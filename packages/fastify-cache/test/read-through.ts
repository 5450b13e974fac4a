import { defineKeys } from '@dashtam/cache-keys'
import { InMemoryCache, MemoryFencedStore } from '@dashtam/cache-memory'
import { type FastifyCacheOptions, fastifyCache } from '@dashtam/fastify-cache'
import { type RedisServer, startRedis, until } from '@dashtam/testkit'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'

/** Longer than a boot (1 s) and a close (engine, adapter, client) may take, on a busy machine too. */
const BOUND_MS = 4_000
/** Enough for Redis to be found, and to answer, on a busy machine. */
const PATIENT = { bootTimeoutMs: 5_000, commandTimeoutMs: 5_000 }

t.test('app.cache reads through, in memory when nothing is said, and counts it in /metrics', async t => {
  const app = await boot(t)
  const { family, source } = productsOf(app)
  t.match(await family.read({ id: 1 }), { value: { id: 1, version: 0 }, status: 'miss' })
  t.match(await family.read({ id: 1 }), { status: 'hit', tier: 'memory' })
  await family.mutate({ id: 1 }, () => source.version++)
  t.match(await family.get({ id: 1 }), { version: 1 })
  t.equal(source.loads, 2)
  t.match(await health(app), { status: 'healthy', cache: 'up', feed: 'up', reason: undefined })
  const { body } = await app.inject('/metrics')
  t.match(body, 'dashtam_cache_reads_total{namespace="product",result="hit",tier="memory"} 1')
  t.match(body, 'dashtam_cache_reads_total{namespace="product",result="miss"} 2')
  t.match(body, 'dashtam_cache_feed_mode{mode="local"} 1')
})

t.test('app.cache takes the keyspace and the lifetime of the plugin, and the bounds of readThrough', async t => {
  let nowMs = 0
  const app = await boot(t, {
    keyspace: 'shop',
    ttlSeconds: 5,
    readThrough: { memory: { maxEntries: 1 }, clock: () => nowMs }
  })
  const { family, source } = productsOf(app, 'shop')
  await family.get({ id: 1 })
  await family.get({ id: 2 })
  t.equal(app.cache.stats().memory.entries, 1)
  nowMs = 5_001
  t.equal((await family.read({ id: 2 })).status, 'miss', 'it has expired')
  t.equal(source.loads, 3)
})

t.test('app.cache of an app that hands in a port alone is in the memory of its process', async t => {
  const store = new InMemoryCache({ keyspace: 'dashtam' })
  const app = await boot(t, { store })
  const { family } = productsOf(app)
  await family.get({ id: 1 })
  t.match(await family.read({ id: 1 }), { status: 'hit', tier: 'memory' })
  t.equal(app.cache.stats().feed.mode, 'local')
})

t.test('app.cache runs on a store and a feed of the app, and closes the feed', async t => {
  const shared = new MemoryFencedStore({ keyspace: 'dashtam' })
  const store = new InMemoryCache({ keyspace: 'dashtam' })
  const [here, there] = [shared.openFeed(), shared.openFeed()]
  const one = await boot(t, { store, readThrough: { store: shared, feed: here } })
  const two = await boot(t, { store, readThrough: { store: shared, feed: there } })
  const { family, source } = productsOf(one)
  const other = productsOf(two)
  await family.get({ id: 1 })
  t.match(await other.family.read({ id: 1 }), { status: 'hit', tier: 'shared' })
  other.source.version = 1
  await family.mutate({ id: 1 }, () => source.version++)
  t.match(await other.family.get({ id: 1 }), { version: 1 })
  t.equal(other.source.loads, 1)
  await one.close()
  t.strictSame([here.stats().isTrusted, there.stats().isTrusted], [false, true])
  t.match(await shared.read('dashtam:product:1'), { ok: true }, 'the store is left to its owner')
})

t.test('app.cache of two apps on one Redis loads once, and follows what the other writes', async t => {
  const server = await openServer(t)
  const redis = { url: server.url, ...PATIENT }
  const options = { redis, readThrough: { heartbeatMs: 5_000 } }
  const [one, two] = await Promise.all([boot(t, options), boot(t, options)])
  t.match(await health(one), { status: 'healthy', feed: 'up' }, 'from the start')
  t.equal(one.cache.stats().feed.mode, 'tracking')
  await meet(t, one, two)
})

t.test('app.cache follows the other where Redis refuses to tell, by what its stores publish', async t => {
  const server = await openServer(t)
  await server.cli('ACL', 'SETUSER', 'app', 'on', '>hunter2', '~*', '&*', '+@all', '-client|tracking')
  const credentials = { username: 'app', password: 'hunter2' }
  const options = { redis: { url: server.url, redis: credentials, ...PATIENT } }
  const [one, two] = await Promise.all([boot(t, options), boot(t, options)])
  t.equal(one.cache.stats().feed.mode, 'pubsub')
  await meet(t, one, two)
  t.match((await one.inject('/metrics')).body, 'dashtam_cache_feed_mode{mode="pubsub"} 1')
})

t.test('app.cache needs no more permissions than the guide for operators names', async t => {
  const server = await openServer(t)
  const commands = '+@read +@write +@connection +evalsha +eval +scan +info +time +subscribe +publish'.split(' ')
  const channels = ['&__redis__:invalidate', '&dashtam:~i']
  await server.cli('ACL', 'SETUSER', 'app', 'on', '>hunter2', '~dashtam:*', ...channels, ...commands)
  const credentials = { username: 'app', password: 'hunter2' }
  const app = await boot(t, { redis: { url: server.url, redis: credentials, ...PATIENT } })
  const { family, source } = productsOf(app)
  await family.get({ id: 1 })
  await untilStored(server, 1)
  t.match(await family.mutate({ id: 1 }, () => source.version++), { invalidation: { ok: true } })
  t.match(await family.get({ id: 1 }, { consistency: 'strong' }), { version: 1 })
  for (const invalidation of [family.invalidate({ id: 1 }), app.cache.invalidateTags(['tag']), app.cache.clear()]) {
    t.match(await invalidation, { ok: true })
  }
  await until('it is healthy', async () => (await health(app)).status === 'healthy')
})

t.test('app.cache loads from the source while Redis is down, from the start on, and goes on with it', async t => {
  const server = await openServer(t)
  await server.stop()
  const startedMs = performance.now()
  const app = await boot(t, { redis: { url: server.url, bootTimeoutMs: 200 } })
  t.ok(performance.now() - startedMs < BOUND_MS, 'does not keep the app from starting')
  const { family } = productsOf(app)
  t.match(await family.read({ id: 1 }), { status: 'miss' })
  t.match(await health(app), { status: 'degraded', cache: 'down', feed: 'down', reason: 'connection' })
  await server.restart()
  await until('it is healthy', async () => (await health(app)).status === 'healthy')
  await family.get({ id: 2 })
  await untilStored(server, 2)
  const closingMs = performance.now()
  await server.freeze()
  await app.close()
  t.ok(performance.now() - closingMs < BOUND_MS, 'and does not keep it from closing')
})

t.test('app.cache delivers what it owes before the app has closed', async t => {
  const server = await openServer(t)
  const app = await boot(t, { redis: { url: server.url, ...PATIENT } })
  const { family } = productsOf(app)
  await family.get({ id: 1 })
  await untilStored(server, 1)
  await server.cli('ACL', 'SETUSER', 'default', '-evalsha', '-eval')
  t.match(await family.invalidate({ id: 1 }), { ok: false, error: { reason: 'pending' } })
  t.match((await app.inject('/metrics')).body, 'dashtam_cache_undelivered_invalidations 1')
  await server.cli('ACL', 'SETUSER', 'default', '+evalsha', '+eval')
  await app.close()
  t.equal(await server.cli('EXISTS', 'dashtam:~s:product:1'), '0')
  t.notMatch(await server.cli('CLIENT', 'LIST'), /dashtam:~i/, 'nor does its feed stay')
})

t.test('/health is degraded while Redis answers and its changes are not heard of', async t => {
  const server = await openServer(t)
  await server.cli('ACL', 'SETUSER', 'app', 'on', '>hunter2', '~*', '&*', '+@all')
  const credentials = { username: 'app', password: 'hunter2' }
  const app = await boot(t, { redis: { url: server.url, redis: credentials, ...PATIENT } })
  await server.cli('ACL', 'SETUSER', 'app', '-subscribe')
  await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await until('it is noticed', async () => (await health(app)).status === 'degraded')
  const degraded = await health(app)
  t.match(degraded, { cache: 'up', feed: 'down', reason: 'feed', since: /^\d{4}-.*Z$/ })
  t.notMatch(degraded, /hunter2/)
  const { body } = await app.inject('/metrics')
  t.match(body, 'dashtam_cache_up 1')
  t.match(body, 'dashtam_cache_feed_trusted 0')
  t.match(body, 'dashtam_cache_feed_gaps_total 1')
  t.equal((await health(app)).since, degraded.since, 'the moment of the change stays')
  const { family } = productsOf(app)
  await family.get({ id: 1 })
  await untilStored(server, 1)
  t.match(await family.read({ id: 1 }), { status: 'hit', tier: 'shared' }, 'and nothing is kept in memory')
  t.match(await family.read({ id: 1 }), { status: 'hit', tier: 'shared' })
})

t.test('fastifyCache fails the boot, by name, when readThrough is wrong', async t => {
  const store = new InMemoryCache({ keyspace: 'dashtam' })
  const shared = new MemoryFencedStore({ keyspace: 'dashtam' })
  const url = 'redis://127.0.0.1:1'
  const wrong: [options: object, message: RegExp][] = [
    [{ readThrough: 'memory' }, /readThrough must be an object, got string/],
    [{ readThrough: null }, /readThrough must be an object, got null/],
    [{ readThrough: { leaseTime: 1 } }, /unknown option.*leaseTime/],
    [{ readThrough: { leaseMs: 0 } }, /leaseMs must be/],
    [{ readThrough: { keyspace: 'k' } }, /keyspace is said once, beside readThrough/],
    [{ readThrough: { ttlSeconds: 1 } }, /ttlSeconds is said once, beside readThrough/],
    [{ store, readThrough: { store: shared } }, /store and feed go together/],
    [{ redis: { url }, readThrough: { store: shared } }, /one place only, got redis and readThrough/],
    [{ redis: { url }, readThrough: { feed: shared.openFeed() } }, /one place only, got redis and readThrough/],
    [{ redis: { url, bootTimeoutMs: 0 }, readThrough: { heartbeatMs: 20 } }, /heartbeatMs must be/]
  ]
  for (const [options, message] of wrong) {
    await t.rejects(boot(t, options), { message })
  }
})

/** One load for both, and a change by either is seen by the other: at once by a strong read, soon by any. */
async function meet(t: Test, one: FastifyInstance, two: FastifyInstance): Promise<void> {
  const [here, there] = [productsOf(one), productsOf(two)]
  await here.family.get({ id: 1 })
  await there.family.get({ id: 1 })
  await until('it is in memory', async () => (await there.family.read({ id: 1 })).tier === 'memory')
  t.strictSame([here.source.loads, there.source.loads], [1, 0])
  let stale = 0
  for (let version = 1; version <= 50; version++) {
    there.source.version = version
    const { invalidation } = await here.family.mutate({ id: 1 }, () => {
      here.source.version = version
    })
    t.ok(invalidation.ok)
    const strong = await there.family.get({ id: 1 }, { consistency: 'strong' })
    if (strong.version !== version) stale++
    await there.family.get({ id: 1 })
  }
  t.equal(stale, 0, 'a strong read is never stale')
  there.source.version = here.source.version = -1
  await here.family.invalidate({ id: 1 })
  await until('the other has heard', async () => (await there.family.get({ id: 1 })).version === -1)
}

/** A family whose values say how often their source had changed when they were loaded. */
function productsOf(app: FastifyInstance, prefix = 'dashtam') {
  const source = { version: 0, loads: 0 }
  const keys = defineKeys({ prefix }, { product: 'product:{id}' })
  const family = app.cache.family(keys.product, {
    jitter: 0,
    load: ({ id }) => {
      source.loads++
      return { id, version: source.version }
    }
  })
  return { family, source }
}

/** Nobody waits for it: a reader has what it wants before. The first character of an entry is an E. */
async function untilStored(server: RedisServer, id: number): Promise<void> {
  await until('it is stored', async () => (await server.cli('GETRANGE', `dashtam:~s:product:${id}`, '0', '0')) === 'E')
}

async function openServer(t: Test): Promise<RedisServer> {
  const server = await startRedis()
  t.teardown(() => server.stop())
  return server
}

async function boot(t: Test, options: FastifyCacheOptions = {}): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyCache, options)
  await app.ready()
  return app as FastifyInstance
}

async function health(app: FastifyInstance) {
  return (await app.inject('/health')).json()
}
