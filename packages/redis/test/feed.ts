import { createRedisClient } from '@dashtam/cache-redis'
import { randomPrefix, sharedRedisUrl, startRedis } from '@dashtam/testkit'
import { Redis } from 'ioredis'
import t from 'tap'
import { RedisInvalidationFeed } from '../src/feed/invalidation-feed.ts'
import { eventually, isTrusted, openFeed } from './fixtures/open-feed.ts'

t.test('start() tells that everything may have changed, and then the feed is trusted', async t => {
  const { feed, told, log } = await openFeed(t, { url: await sharedRedisUrl() })
  t.equal(feed.trustedUntilMs, -Infinity)
  t.ok(await eventually(() => isTrusted(feed)))
  t.strictSame(told, ['everything'])
  t.match(feed.stats(), { mode: 'tracking', isTrusted: true, gaps: 0, barriers: 0 })
  t.match(log, [['info', { mode: 'tracking' }, /hearing of every change/]])
  t.throws(() => feed.start({ slotChanged() {}, generationChanged() {}, everythingChanged() {} }), /started once/)
  t.ok(await eventually(() => feed.stats().lagMs !== undefined))
})

t.test('start() tells of changes of slots and generations, whoever makes them, and of nothing else', async t => {
  const server = await startRedis()
  const { feed, client, keyspace, told } = await openFeed(t, { url: server.url })
  t.teardown(() => server.stop())
  t.ok(await eventually(() => isTrusted(feed)))
  told.length = 0
  await server.cli('SET', `${keyspace}:user:1`, 'a key of the port')
  await server.cli('SET', `${keyspace}:~c:user:1`, 'a claim')
  await server.cli('SET', `${keyspace}x:~s:user:1`, 'a slot of another keyspace')
  await server.cli('SET', `${keyspace}:~s:{user:1}:é 😀`, 'a slot')
  await client.set(`${keyspace}:~g:tag`, 'a generation')
  await server.cli('DEL', `${keyspace}:~s:{user:1}:é 😀`)
  t.ok(await feed.barrier())
  t.strictSame(told, [`slot ${keyspace}:{user:1}:é 😀`, 'generation tag', `slot ${keyspace}:{user:1}:é 😀`])
  t.equal(feed.stats().messages, 4, 'and the probe')
  await server.cli('FLUSHALL')
  t.ok(await feed.barrier())
  t.equal(told.at(-1), 'everything')
  t.equal(feed.stats().gaps, 0)
})

t.test('start() tells of an entry that expires, a second later at most', async t => {
  const { feed, client, keyspace, told } = await openFeed(t, { url: await sharedRedisUrl() })
  t.ok(await eventually(() => isTrusted(feed)))
  await client.set(`${keyspace}:~s:a`, 'v', 'PX', 50)
  await feed.barrier()
  told.length = 0
  t.ok(await eventually(() => told.length > 0, 1_500))
  t.strictSame(told, [`slot ${keyspace}:a`])
})

t.test('start() tells of each of many keys that change at once', async t => {
  const { feed, client, keyspace, told } = await openFeed(t, { url: await sharedRedisUrl() })
  t.ok(await eventually(() => isTrusted(feed)))
  told.length = 0
  const script = `for i = 1, 10000 do redis.call('SET', KEYS[1] .. i, '', 'PX', 5000) end`
  await client.eval(script, 1, `${keyspace}:~s:`)
  t.ok(await feed.barrier())
  t.equal(new Set(told).size, 10_000)
})

t.test('start() before there is a connection waits for it', async t => {
  const { feed, client } = await openFeed(t, { url: await sharedRedisUrl(), redis: { lazyConnect: true } })
  t.notOk(await feed.barrier())
  await client.connect()
  t.ok(await eventually(() => isTrusted(feed)))
})

t.test('start() does not tell of the probes of other processes', async t => {
  const url = await sharedRedisUrl()
  const keyspace = randomPrefix()
  const first = await openFeed(t, { url }, { keyspace })
  t.ok(await eventually(() => isTrusted(first.feed)))
  const second = await openFeed(t, { url }, { keyspace })
  t.ok(await eventually(() => isTrusted(second.feed)))
  await first.feed.barrier()
  t.strictSame(first.told, ['everything'])
  t.equal(first.feed.stats().messages, 2)
  t.strictSame(await first.client.keys(`${keyspace}:*`), [], 'nor do they leave anything behind')
})

t.test('start() proves itself on a server that is out of memory, too', async t => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  await server.cli('CONFIG', 'SET', 'maxmemory', '1')
  const { feed } = await openFeed(t, { url: server.url })
  t.ok(await eventually(() => isTrusted(feed)))
})

t.test('trustedUntilMs is a heartbeat after the departure of an answered question, by the clock given', async t => {
  let nowMs = 5_000
  const { feed } = await openFeed(t, { url: await sharedRedisUrl() }, { heartbeatMs: 3_000, clock: () => nowMs })
  t.ok(await eventually(() => feed.trustedUntilMs === 8_000))
  t.ok(await feed.barrier())
  nowMs = 7_999
  t.ok(feed.stats().isTrusted)
  nowMs = 8_000
  t.notOk(feed.stats().isTrusted, 'the barrier alone does not prolong it: the server may have been demoted')
  t.notOk(await feed.barrier())
  t.ok(await eventually(() => feed.trustedUntilMs === 11_000), 'the next heartbeat does')
})

t.test('a connection with a database, a user and a password is made with them', async t => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  await server.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all')
  await server.cli('ACL', 'SETUSER', 'default', 'off')
  const url = `redis://app:secret@${server.host}:${server.port}/3`
  const { feed, client, keyspace, told } = await openFeed(t, { url })
  t.ok(await eventually(() => isTrusted(feed)))
  await client.set(`${keyspace}:~g:a`, '')
  t.ok(await feed.barrier())
  t.equal(told.at(-1), 'generation a')
  t.match(String(await client.client('LIST')), new RegExp(`name=${keyspace}:~i .*user=app`))
})

t.test('close() is quiet, leaves no connection and no listener, and may be called twice', async t => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const { feed, client, keyspace, told, log } = await openFeed(t, { url: server.url }, { heartbeatMs: 30 })
  t.ok(await eventually(() => isTrusted(feed)))
  const listeners = client.listenerCount('ready')
  const waiting = feed.barrier()
  const lines = [told.length, log.length]
  await Promise.all([feed.close(), feed.close()])
  t.notOk(await waiting)
  t.notOk(await feed.barrier())
  t.equal(feed.trustedUntilMs, -Infinity)
  t.equal(client.listenerCount('ready'), listeners - 1)
  await client.set(`${keyspace}:~s:a`, 'v')
  t.equal(
    String(await client.client('LIST'))
      .trim()
      .split('\n').length,
    1
  )
  await server.cli('CLIENT', 'KILL', 'TYPE', 'normal')
  t.ok(await eventually(async () => (await client.ping().catch(() => '')) === 'PONG'))
  t.strictSame([told.length, log.length], lines)
})

t.test('close() of a feed that has never been started, or never connected, ends at once', async t => {
  const client = createRedisClient({ url: 'redis://127.0.0.1:1' }).on('error', () => {})
  t.teardown(() => client.disconnect())
  await new RedisInvalidationFeed({ client, keyspace: 'k' }).close()
  const feed = new RedisInvalidationFeed({ client, keyspace: 'k' })
  feed.start({ slotChanged() {}, generationChanged() {}, everythingChanged() {} })
  await feed.close()
  t.throws(() => feed.start({ slotChanged() {}, generationChanged() {}, everythingChanged() {} }), /started once/)
})

t.test('options out of their range are refused', async t => {
  const client = new Redis({ lazyConnect: true })
  const refuse = (options: object, message: string) =>
    t.throws(() => new RedisInvalidationFeed({ client, keyspace: 'k', ...options }), { name: 'TypeError', message })
  refuse({ heartbeatMs: 29 }, 'heartbeatMs must be an integer of at least 30, got 29')
  refuse({ heartbeatMs: NaN }, 'heartbeatMs must be an integer of at least 30, got NaN')
  refuse({ barrierTimeoutMs: 0 }, 'barrierTimeoutMs must be an integer of at least 1, got 0')
  refuse({ heartbeat: 1 }, "unknown option 'heartbeat'")
  refuse(
    { client: new Redis({ lazyConnect: true, keyPrefix: 'x' }) },
    'client must have no keyPrefix; say it as `keyspace`'
  )
  t.throws(() => new RedisInvalidationFeed({ client, keyspace: 'a:b' }), /keyspace must be/)
})
