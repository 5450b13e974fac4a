import { spawnSync } from 'node:child_process'
import { setImmediate } from 'node:timers/promises'
import { createRedisClient, RedisAdapter, type RedisAdapterOptions } from '@dashtam/cache-redis'
import { startRedis } from '@dashtam/testkit'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'

t.test('RedisAdapter refuses a deadline that is none', async t => {
  const client = new Redis({ lazyConnect: true })
  for (const commandTimeoutMs of [0, -1, 0.5, Number.NaN, Infinity, '250' as unknown as number]) {
    t.throws(() => new RedisAdapter({ keyspace: 'k', client, commandTimeoutMs }), {
      name: 'TypeError',
      message: `commandTimeoutMs must be an integer of at least 1, got ${commandTimeoutMs}`
    })
  }
})

t.test('setMany() counts what is stored when the server refuses some of it', async t => {
  const { cache } = await open(t)
  const refused = await cache.setMany([...entries(1_001), ['k:no:1', 'v'], ['k:ok:last', 'v']])
  t.match(refused, { error: { code: 'CACHE_MSET_ERROR', reason: 'server', details: { stored: 1_002 } } })
  t.match(await cache.setMany([...entries(1_500), ['k:no:1', 'v'], ...entries(2_500)]), {
    error: { details: { stored: 4_000 } }
  })
})

t.test('deleteMany() counts what is gone when the server refuses some of it', async t => {
  const { cache, admin } = await open(t)
  await cache.setMany(entries(2_500))
  const keys = entries(2_500).map(([key]) => key)
  const refused = await cache.deleteMany([...keys.slice(0, 1_500), 'k:no:1', ...keys.slice(1_500)])
  t.match(refused, { error: { code: 'CACHE_DELETE_ERROR', reason: 'server', details: { deleted: 1_501 } } })
  t.equal(await admin.dbsize(), 999)
})

t.test('deletePattern() and flush() count what is gone when the server refuses some of it', async t => {
  const { cache, admin } = await open(t)
  await cache.setMany(entries(10_000))
  await admin.set('k:no:1', 'v')
  const refused = await cache.deletePattern('k:*')
  const gone = 10_001 - (await admin.dbsize())
  t.match(refused, { error: { code: 'CACHE_DELETE_ERROR', reason: 'server', details: { deleted: gone } } })
  t.match(await cache.flush(), { error: { code: 'CACHE_FLUSH_ERROR', reason: 'server' } })
  t.equal(await admin.exists('k:no:1'), 1)
})

t.test('a fault names the family of its key and keeps what Redis said as its cause', async t => {
  const { cache, admin } = await open(t, { familyOf: key => key.split(':')[1] })
  await admin.lpush('k:ok:list', 'x')
  t.strictSame(await cache.get('k:ok:list'), {
    ok: false,
    error: {
      code: 'CACHE_GET_ERROR',
      reason: 'wrong_type',
      message: 'Redis answered: WRONGTYPE Operation against a key holding the wrong kind of value',
      details: { operation: 'get', family: 'ok' },
      cause: { name: 'ReplyError', message: 'WRONGTYPE Operation against a key holding the wrong kind of value' }
    }
  })
})

t.test('close() waits for what is under way, and leaves no listener on a client that is not its own', async t => {
  const { admin } = await open(t)
  const events = ['ready', 'close', 'error']
  const listeners = () => events.map(event => admin.listenerCount(event))
  const before = listeners()
  const cache = new RedisAdapter({ keyspace: 'k', client: admin })
  t.not(listeners().join(), before.join())
  let isAnswered = false
  const read = cache.get('k:ok:1').then(() => {
    isAnswered = true
  })
  await cache.close()
  t.ok(isAnswered)
  t.strictSame(listeners(), before)
  await read
})

t.test('close() waits for one deadline at most, however long a walk goes on', async t => {
  const { cache, admin } = await open(t, { commandTimeoutMs: 100 })
  await admin.eval("for i = 1, 400000 do redis.call('SET', 'k:ok:' .. i, '') end", 0)
  const flushing = cache.flush()
  await setImmediate()
  await cache.close()
  t.match(await flushing, { error: { code: 'CACHE_FLUSH_ERROR', reason: 'closed' } })
  t.not(await admin.dbsize(), 0)
})

t.test('of many commands in one turn the first leave before it is over', async t => {
  const { cache, url } = await open(t)
  await cache.get('k:ok:1')
  const sent = entries(200).map(([key, value]) => cache.set(key, value))
  // This process is not through with its turn.
  const seen = keysSeenByOther(url)
  t.ok(seen >= 100 && seen < 200, `${seen} of 200: half of what is under way is not held back`)
  for (const result of await Promise.all(sent)) t.match(result, { ok: true })
  t.equal(keysSeenByOther(url), 200)
})

/** How many keys there are, asked by another process while this one stands still. */
function keysSeenByOther(url: string): number {
  const { hostname, port } = new URL(url)
  const ask = `const socket = require('node:net').connect(${port}, '${hostname}', () => socket.write('DBSIZE\\r\\n'))
    socket.once('data', reply => { process.stdout.write(reply); socket.destroy() })`
  const { stdout } = spawnSync(process.execPath, ['--eval', ask], { encoding: 'utf8', timeout: 10_000 })
  return Number(stdout.slice(1))
}

/** A server of its own, and a cache whose user may touch only what begins with `k:ok:`. */
async function open(t: Test, options: Partial<RedisAdapterOptions> = {}) {
  const server = await startRedis()
  const admin = new Redis(server.url)
  await admin.call('ACL', 'SETUSER', 'partly', 'on', 'nopass', '~k:ok:*', '+@all')
  const cache = new RedisAdapter({
    keyspace: 'k',
    client: createRedisClient({ url: server.url, redis: { username: 'partly', password: 'any' } }),
    closesClient: true,
    commandTimeoutMs: 5_000,
    ...options
  })
  t.teardown(async () => {
    await cache.close()
    admin.disconnect()
    await server.stop()
  })
  return { cache, admin, url: server.url }
}

function entries(count: number): [key: string, value: string][] {
  return Array.from({ length: count }, (_, index) => [`k:ok:${index}`, 'v'])
}
