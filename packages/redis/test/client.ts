import { createRedisClient, RedisAdapter, type RedisClientOptions, redactUrl } from '@dashtam/cache-redis'
import { randomPrefix, sharedRedisUrl, startRedisSentinel } from '@dashtam/testkit'
import { Redis } from 'ioredis'
import t from 'tap'

t.test('createRedisClient() says what is wrong with a URL, and never quotes it', async t => {
  const wrong: [url: string, expected: RegExp][] = [
    ['', /must be a Redis URL/],
    ['localhost', /must be a Redis URL/],
    ['http://u:hunter2@localhost', /must begin with redis:\/\/ or rediss:\/\//],
    ['hunter2:6379', /must begin with redis:\/\/ or rediss:\/\//],
    ['redis://u:hunter2@localhost:99999', /must be a Redis URL/],
    ['redis://', /must name a host/],
    ['redis://u:hunter2%zz@localhost', /percent-encoded/],
    ['redis://u:hunter2@localhost/database', /must end in a database number/],
    ['redis://u:hunter2@localhost?enableOfflineQueue=true', /must not carry a query/]
  ]
  for (const [url, expected] of wrong) {
    t.throws(() => createRedisClient({ url }), { name: 'TypeError', message: expected }, expected.source)
    t.throws(() => createRedisClient({ url }), { message: /^(?!.*hunter2)/ })
  }
})

t.test('createRedisClient() refuses options that are none', async t => {
  const url = 'redis://127.0.0.1:1'
  t.throws(
    () => createRedisClient({ url, connectTimeoutMs: 0 }),
    /connectTimeoutMs must be an integer of at least 1, got 0/
  )
  t.throws(
    () => createRedisClient({ url, keepAliveMs: Number.NaN }),
    /keepAliveMs must be an integer of at least 1, got NaN/
  )
  t.throws(() => createRedisClient({} as RedisClientOptions), /exactly one of url, cluster and sentinels/)
  t.throws(() => createRedisClient({ url, cluster: [] } as unknown as RedisClientOptions), /exactly one of url/)
  t.throws(() => createRedisClient({ sentinels: [] } as unknown as RedisClientOptions), /go together/)
  t.throws(
    () => createRedisClient({ url, db: 1 } as RedisClientOptions),
    /unknown option 'db'; ioredis' own go into `redis`/
  )
  t.throws(
    () => new RedisAdapter({ keyspace: 'k', client: new Redis({ lazyConnect: true }), commandTimeoutMs: 0 }),
    /commandTimeoutMs/
  )
})

t.test('createRedisClient() keeps its presets whatever `redis` says', async t => {
  const client = createRedisClient({
    url: await sharedRedisUrl(),
    redis: { db: 1, enableOfflineQueue: true, maxRetriesPerRequest: 20 } as object
  }) as Redis
  t.match(client.options, {
    db: 1,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false
  })
  client.disconnect()
})

t.test('createRedisClient() finds the master by its sentinels', async t => {
  const sentinel = await startRedisSentinel()
  t.teardown(() => sentinel.stop())
  const keyspace = randomPrefix()
  const client = createRedisClient({ sentinels: sentinel.sentinels, sentinelName: sentinel.name })
  const cache = new RedisAdapter({ keyspace, client, closesClient: true, commandTimeoutMs: 5_000 })
  t.match(await cache.set(`${keyspace}:a`, 'v'), { ok: true })
  t.match(await cache.get(`${keyspace}:a`), { value: 'v' })
  await cache.close()
})

t.test('redactUrl() keeps the address and nothing else', async t => {
  t.equal(redactUrl('redis://user:hunter2@cache.example:6380/2'), 'redis://cache.example:6380/2')
  t.equal(redactUrl('hunter2'), 'not a URL')
  t.equal(redactUrl('rediss://:hunter2@[::1]:6379/'), 'rediss://[::1]:6379')
})
