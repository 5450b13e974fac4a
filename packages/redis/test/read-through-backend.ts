import type { FeedListener, InvalidationFeed } from '@dashtam/cache-protocol'
import { createRedisClient, RedisAdapter, type RedisClientOptions, RedisInvalidationFeed } from '@dashtam/cache-redis'
import { startRedis } from '@dashtam/testkit'
import t, { type Test } from 'tap'
import { eventually } from './fixtures/open-feed.ts'

const CHANNEL = 'k:~i'
const NOBODY: FeedListener = { slotChanged() {}, generationChanged() {}, everythingChanged() {} }
const NO_TRACKING = '-client|tracking'

t.test('readThroughBackend() has the store publish until the server is known to tell by itself', async t => {
  const { store, feed } = open(t, await target(t)).readThroughBackend()
  t.equal(store.channel, CHANNEL, 'another process may depend on it already')
  await untilTrusted(t, feed)
  t.match(feed.stats(), { mode: 'tracking' })
  t.equal(store.channel, undefined)
})

t.test('readThroughBackend() has the store publish where the server does not tell', async t => {
  const at = await target(t, NO_TRACKING)
  const { store, feed } = open(t, at).readThroughBackend()
  const { feed: other } = open(t, at).readThroughBackend()
  const told: string[] = []
  await untilTrusted(t, feed)
  await untilTrusted(t, other, { ...NOBODY, slotChanged: key => void told.push(key) })
  t.match(feed.stats(), { mode: 'pubsub' })
  t.equal(store.channel, CHANNEL)
  await store.invalidate(['k:a'])
  t.ok(await eventually(() => told.length === 1))
  t.strictSame(told, ['k:a'])
})

t.test('readThroughBackend() refuses a heartbeat out of its range', async t => {
  const adapter = open(t, await target(t))
  t.throws(() => adapter.readThroughBackend({ heartbeatMs: 29 }), { name: 'TypeError', message: /heartbeatMs/ })
})

t.test('a feed on its own does not rely on what stores publish: nobody would have told them to', async t => {
  const client = createRedisClient(await target(t, NO_TRACKING))
  const lines: string[] = []
  const log = (_: object, message: string) => void lines.push(message)
  const feed = new RedisInvalidationFeed({ client, keyspace: 'k', heartbeatMs: 100, logger: { info: log, warn: log } })
  t.teardown(async () => {
    await feed.close()
    client.disconnect()
  })
  feed.start(NOBODY)
  t.ok(await eventually(() => lines.some(line => /nothing is kept in memory/.test(line))))
  t.notOk(await eventually(() => feed.stats().isTrusted, 500))
})

/** A server of its own, and a user who may do everything but what the rules say. */
async function target(t: Test, ...rules: string[]) {
  const server = await startRedis()
  t.teardown(() => server.stop())
  await server.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', ...rules)
  return { url: server.url, redis: { username: 'app', password: 'secret' } }
}

function open(t: Test, options: RedisClientOptions): RedisAdapter {
  const client = createRedisClient(options)
  const adapter = new RedisAdapter({ client, keyspace: 'k', closesClient: true })
  t.teardown(() => adapter.close())
  return adapter
}

async function untilTrusted(t: Test, feed: InvalidationFeed, listener = NOBODY): Promise<void> {
  t.teardown(() => feed.close())
  feed.start(listener)
  t.ok(await eventually(() => feed.stats().isTrusted))
}
