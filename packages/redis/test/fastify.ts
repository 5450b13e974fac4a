import { ok } from '@dashtam/cache-protocol'
import { fastifyRedisCache } from '@dashtam/cache-redis/fastify'
import { randomPrefix, sharedRedisUrl, startRedis } from '@dashtam/testkit'
import fastifyRedis from '@fastify/redis'
import Fastify, { type FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'
import t from 'tap'

/** A server must not keep an app from starting or stopping for longer than this. */
const BOUND_MS = 2_000

t.test('fastifyRedisCache makes app.redisCache, and app.redis by way of @fastify/redis', async t => {
  const app = Fastify()
  const keyspace = randomPrefix()
  await app.register(fastifyRedisCache, { url: await sharedRedisUrl(), keyspace })
  t.strictSame(await app.redisCache.set(`${keyspace}:a`, 'v'), ok(undefined))
  t.equal(await app.redis.get(`${keyspace}:a`), 'v')
  t.ok(app.hasPlugin('@fastify/redis'))
  await app.redisCache.flush()
  await app.close()
  t.equal(app.redis.status, 'end', 'closes the client that it made')
})

t.test('fastifyRedisCache uses the app.redis that is there, and leaves it open', async t => {
  const app = Fastify()
  const keyspace = randomPrefix()
  const client = new Redis(await sharedRedisUrl())
  t.teardown(() => client.disconnect())
  await app.register(fastifyRedis, { client })
  await app.register(fastifyRedisCache, { keyspace })
  t.strictSame(await app.redisCache.set(`${keyspace}:a`, 'v'), ok(undefined))
  await app.redisCache.flush()
  await app.close()
  t.equal(client.status, 'ready')
  t.equal(client.listenerCount('error'), 0, 'takes its listeners with it')
})

t.test('fastifyRedisCache fails the boot, in one sentence, when it does not know where Redis is', async t => {
  await t.rejects(boot({ keyspace: 'k' }), { message: /needs `url`, `cluster` or `sentinels`/ })
  await t.rejects(boot({ keyspace: 'k', url: 'http://localhost' }), { message: /redis:\/\/ or rediss:\/\// })
  await t.rejects(boot({ keyspace: 'k', url: 'redis://localhost', bootTimeoutMs: -1 }), { message: /bootTimeoutMs/ })
})

t.test('boot and close take at most 2 s with Redis down, and the cache comes alive by itself', async t => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  await server.stop()
  const started = performance.now()
  const keyspace = randomPrefix()
  const app = await boot({ keyspace, url: server.url })
  t.ok(performance.now() - started < BOUND_MS, 'boots in time')
  const miss = await app.redisCache.get(`${keyspace}:a`)
  t.match(miss, { ok: false, error: { code: 'CACHE_GET_ERROR', reason: 'connection' } })

  await server.restart()
  t.ok(await eventually(async () => (await app.redisCache.set(`${keyspace}:a`, 'v')).ok), 'comes alive')

  await server.stop()
  const closing = performance.now()
  await app.close()
  t.ok(performance.now() - closing < BOUND_MS, 'closes in time')
})

t.test('boot and close take at most 2 s with Redis frozen, and the cache comes alive by itself', async t => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  await server.freeze()
  const started = performance.now()
  const keyspace = randomPrefix()
  const app = await boot({ keyspace, url: server.url })
  t.ok(performance.now() - started < BOUND_MS, 'boots in time')

  await server.resume()
  t.ok(await eventually(async () => (await app.redisCache.set(`${keyspace}:a`, 'v')).ok), 'comes alive')

  await server.freeze()
  const under = app.redisCache.get(`${keyspace}:a`)
  const closing = performance.now()
  await app.close()
  t.ok(performance.now() - closing < BOUND_MS, 'closes in time')
  t.match(await under, { ok: false, error: { reason: 'timeout' } })
  await server.resume()
})

t.test('boot goes on with a Redis that refuses the password, which is never logged', async t => {
  const server = await startRedis({ args: ['--requirepass', 'right-password'] })
  t.teardown(() => server.stop())
  const lines: string[] = []
  const app = Fastify({ logger: { stream: { write: line => void lines.push(line) } } })
  const url = new URL(server.url)
  url.password = 'hunter2'
  await app.register(fastifyRedisCache, { keyspace: 'k', url: url.href })
  await app.ready()
  const result = await app.redisCache.get('k:a')
  t.notOk(result.ok)
  t.notMatch(JSON.stringify(result), 'hunter2')
  await app.close()
  t.ok(lines.length > 0)
  t.notMatch(lines.join(''), 'hunter2')
})

type Options = Parameters<typeof fastifyRedisCache>[1]

async function boot(options: Options): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(fastifyRedisCache, options)
  await app.ready()
  return app
}

async function eventually(isSo: () => Promise<boolean>): Promise<boolean> {
  for (let attempt = 0; attempt < 50; attempt++) {
    if (await isSo()) return true
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  return false
}
