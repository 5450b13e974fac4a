import { MemoryTokenBucket } from '@dashtam/cache-memory'
import { createRedisClient, RedisAdapter } from '@dashtam/cache-redis'
import { tokenBucketStore } from '@dashtam/rate-limit/store'
import { randomPrefix, sharedRedisUrl, startRedis } from '@dashtam/testkit'
import rateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'

/** An app that `@fastify/rate-limit` limits, over buckets. */
async function open(
  t: Test,
  options: Parameters<typeof tokenBucketStore>[0],
  more: object = {}
): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(rateLimit, { max: 2, timeWindow: 60_000, store: tokenBucketStore(options) as never, ...more })
  app.get('/', async () => 'here')
  app.get('/own', { config: { rateLimit: { max: 1, timeWindow: 60_000 } } }, async () => 'here')
  return app
}

t.test('@fastify/rate-limit limits over buckets in memory', async t => {
  const buckets = new MemoryTokenBucket({ keyspace: 'app' })
  const app = await open(t, { buckets, keyOf: (key, endpoint = '*') => `app:limit:${key}:${endpoint}` })
  for (const remaining of ['1', '0']) {
    const { statusCode, headers } = await app.inject('/')
    t.match({ statusCode, headers }, { statusCode: 200, headers: { 'x-ratelimit-remaining': remaining } })
  }
  const refused = await app.inject('/')
  t.equal(refused.statusCode, 429)
  t.equal(refused.headers['retry-after'], '30')
  t.equal((await app.inject('/own')).statusCode, 200, 'a route with a limit of its own has a bucket of its own')
  t.equal((await app.inject('/own')).statusCode, 429)
  t.equal((await app.inject({ url: '/', remoteAddress: '10.0.0.1' })).statusCode, 200)
})

t.test('two apps over one Redis limit as one', async t => {
  const keyspace = randomPrefix()
  const url = await sharedRedisUrl()
  const apps = await Promise.all(
    Array.from({ length: 2 }, async () => {
      const adapter = new RedisAdapter({ keyspace, client: createRedisClient({ url }), closesClient: true })
      t.teardown(async () => {
        await adapter.flush()
        await adapter.close()
      })
      return open(t, { buckets: adapter.tokenBucket(), keyOf: key => `${keyspace}:limit:${key}` })
    })
  )
  const answers: number[] = []
  for (let round = 0; round < 2; round++) for (const app of apps) answers.push((await app.inject('/')).statusCode)
  t.strictSame(answers, [200, 200, 429, 429])
})

t.test('what a Redis that is away means is said by skipOnError', async t => {
  await using server = await startRedis()
  const adapter = new RedisAdapter({
    keyspace: 'app',
    client: createRedisClient({ url: server.url }),
    closesClient: true
  })
  t.teardown(() => adapter.close())
  const options = { buckets: adapter.tokenBucket(), keyOf: (key: string) => `app:limit:${key}` }
  const strict = await open(t, options)
  const lenient = await open(t, options, { skipOnError: true })
  t.equal((await strict.inject('/')).statusCode, 200)
  await server.freeze()
  t.match((await strict.inject('/')).json(), { statusCode: 500, message: /^CACHE_BUCKET_ERROR: no answer within/ })
  t.equal((await lenient.inject('/')).statusCode, 200)
  await server.resume()
})
