import type { Result } from '@dashtam/cache-protocol'
import { createRedisClient, RedisAdapter, type RedisAdapterOptions } from '@dashtam/cache-redis'
import {
  type RedisCluster,
  type RedisServer,
  randomPrefix,
  type StartRedisClusterOptions,
  startRedis,
  startRedisCluster
} from '@dashtam/testkit'
import calculateSlot from 'cluster-key-slot'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'

const DEADLINE_MS = 250
/** The rest is for a busy machine. */
const BOUND_MS = 2 * DEADLINE_MS

t.test('a frozen Redis costs one deadline at most, then nothing at all, and is back by itself', async t => {
  const { server, cache, key, log } = await open(t)
  await cache.set(key('a'), 'v')
  await server.freeze()

  const started = performance.now()
  const first = await Promise.all(Array.from({ length: 20 }, () => cache.get(key('a'))))
  t.ok(performance.now() - started < BOUND_MS, 'one deadline for all that wait')
  for (const result of first) t.match(result, { error: { code: 'CACHE_GET_ERROR', reason: 'timeout' } })

  const broken = performance.now()
  t.match(await cache.get(key('a')), { error: { code: 'CACHE_GET_ERROR', reason: 'circuit_open' } })
  t.match(await cache.ping(), { error: { code: 'CACHE_CONNECTION_ERROR', reason: 'circuit_open' } })
  t.ok(performance.now() - broken < 20, 'no waiting once the circuit is open')
  t.match(cache.state, { state: 'down', reason: 'timeout' })

  await server.resume()
  t.ok(await eventually(async () => (await cache.get(key('a'))).ok))
  t.match(cache.state, { state: 'up', reason: undefined })
  t.strictSame(
    log.map(([level, , message]) => [level, message]),
    [
      ['info', "connected to the cache's Redis"],
      ['warn', "the cache's Redis does not answer; going on without it"],
      ['info', "connected to the cache's Redis"]
    ],
    'a line per change of state'
  )
})

t.test('buckets and members of a Redis that is frozen, and of one that is closed, fail in time', async t => {
  const { server, cache, key } = await open(t)
  const limit = { capacity: 10, refillSeconds: 60 }
  const buckets = cache.tokenBucket()
  const index = cache.memberIndex()
  const calls = () => [
    buckets.take(key('a'), limit),
    buckets.peek(key('a'), limit),
    buckets.give(key('a'), limit),
    buckets.reset(key('a')),
    index.add(key('b'), 'one', 60),
    index.remove(key('b'), ['one']),
    index.members(key('b')),
    index.clear(key('b'))
  ]
  const code = (at: number) => (at < 4 ? 'CACHE_BUCKET_ERROR' : 'CACHE_MEMBERS_ERROR')
  await cache.ping()
  await server.freeze()
  const started = performance.now()
  const frozen = await Promise.all(calls())
  t.ok(performance.now() - started < BOUND_MS)
  for (const [at, result] of frozen.entries()) t.match(result, { error: { code: code(at), reason: 'timeout' } })
  await server.resume()
  await cache.close()
  const closed = await Promise.all(calls())
  for (const [at, result] of closed.entries()) t.match(result, { error: { code: code(at), reason: 'closed' } })
})

t.test('ping() of a frozen Redis is a CACHE_TIMEOUT', async t => {
  const { server, cache } = await open(t)
  await cache.ping()
  await server.freeze()
  t.match(await cache.ping(), { error: { code: 'CACHE_TIMEOUT', reason: 'timeout' } })
})

t.test('four commands without an answer do not open the circuit, and an answer starts the count anew', async t => {
  const { server, cache, key, log } = await open(t)
  await cache.ping()
  for (let round = 0; round < 2; round++) {
    await server.freeze()
    await Promise.all(Array.from({ length: 4 }, () => cache.get(key('a'))))
    await server.resume()
    t.ok(await eventually(async () => (await cache.get(key('a'))).ok))
    t.equal(cache.state.state, 'up')
  }
  t.equal(log.length, 1, 'it was never down')
})

t.test('a Redis that is gone fails commands at once, and a restart is found', async t => {
  const { server, cache, key, log } = await open(t)
  await cache.set(key('a'), 'v')
  await server.stop()
  t.ok(await eventually(async () => cache.state.state === 'down'))
  const started = performance.now()
  for (let attempt = 0; attempt < 100; attempt++) {
    const result = await cache.get(key('a'))
    if (result.ok || result.error.reason !== 'connection') return t.fail('answers without a server')
  }
  t.ok(performance.now() - started < BOUND_MS)
  await server.restart()
  t.ok(await eventually(async () => (await cache.ping()).ok))
  t.equal(log.length, 3, 'a line per change of state, however many commands failed')
})

t.test('an operation on many keys says what it has done when Redis goes away in between', async t => {
  const { server, cache, key } = await open(t)
  const entries = Array.from({ length: 2_500 }, (_, index) => [key(`${index}`), 'v'] as const)
  await cache.setMany(entries)
  await server.kill()
  t.match(await cache.setMany(entries), { error: { code: 'CACHE_MSET_ERROR', details: { stored: 0 } } })
  t.match(await cache.deleteMany(entries.map(([each]) => each)), {
    error: { code: 'CACHE_DELETE_ERROR', details: { deleted: 0 } }
  })
  t.match(await cache.getMany(entries.map(([each]) => each)), { error: { code: 'CACHE_MGET_ERROR' } })
  t.match(await cache.flush(), { error: { code: 'CACHE_FLUSH_ERROR' } })
  t.match(await cache.deletePattern(key('*')), { error: { code: 'CACHE_DELETE_ERROR', details: { deleted: 0 } } })
  const scanned = []
  for await (const result of cache.scan(key('*'))) scanned.push(result)
  t.match(scanned, [{ error: { code: 'CACHE_SCAN_ERROR' } }])
})

t.test('a Redis out of memory refuses writes, which is logged once; reads and deletes go on', async t => {
  const { cache, key, log, client } = await open(t)
  await cache.set(key('a'), 'v')
  await client.config('SET', 'maxmemory', '1')
  for (let attempt = 0; attempt < 5; attempt++) {
    t.match(await cache.set(key('b'), 'w'), { error: { code: 'CACHE_SET_ERROR', reason: 'server' } })
  }
  t.match(await cache.setMany([[key('b'), 'w']]), { error: { code: 'CACHE_MSET_ERROR', reason: 'server' } })
  t.match(await cache.get(key('a')), { value: 'v' })
  t.match(await cache.delete(key('a')), { value: true })
  t.strictSame(
    log.filter(([level]) => level === 'warn').map(([, details]) => details),
    [{ code: 'OOM' }]
  )
})

t.test('errors and logs hold no key, no value and no password', async t => {
  const { server, cache, key, log, client } = await open(t)
  await client.lpush(key('hunter2'), 'x')
  const results: Result<unknown>[] = [await cache.get(key('hunter2')), await cache.increment(key('hunter2'))]
  await client.call('ACL', 'SETUSER', 'poor', 'on', '>hunter2', '~*', '+get', '+ping', '+info', '+client', '+hello')
  const poor = new RedisAdapter({
    keyspace: 'k',
    client: createRedisClient({ url: server.url, redis: { username: 'poor', password: 'hunter2' } }),
    closesClient: true,
    logger: recorder(log)
  })
  results.push(await poor.set('k:hunter2', 'hunter2'), await poor.increment('k:hunter2'))
  await client.call('ACL', 'SETUSER', 'poor', 'resetpass', '>other')
  await client.call('CLIENT', 'KILL', 'USER', 'poor')
  t.ok(await eventually(async () => poor.state.state === 'down'))
  results.push(await poor.set('k:hunter2', 'hunter2'))
  await poor.close()
  for (const result of results) t.notOk(result.ok)
  t.notMatch(JSON.stringify(results), 'hunter2')
  t.notMatch(JSON.stringify(log), 'hunter2')
  await client.del(key('hunter2'))
})

t.test('close() in the middle of a long walk ends it as closed', async t => {
  const { cache, key } = await open(t)
  await cache.setMany(Array.from({ length: 20_000 }, (_, index) => [key(`${index}`), 'v'] as const))
  const walk = cache.scan(key('*'))[Symbol.asyncIterator]()
  t.ok((await walk.next()).value?.ok)
  await cache.close()
  const rest = []
  for await (const result of { [Symbol.asyncIterator]: () => walk }) if (!result.ok) rest.push(result)
  t.match(rest, [{ error: { code: 'CACHE_SCAN_ERROR', reason: 'closed' } }])
})

t.test('a script that the server has forgotten is sent again', async t => {
  const { cache, key, client } = await open(t)
  await cache.increment(key('n'))
  await client.script('FLUSH')
  t.match(await cache.increment(key('n')), { value: 2 })
})

t.test('a client of the app: its keyPrefix is refused, its offline queue warned of, its life is its own', async t => {
  const { server } = await open(t)
  const log: Line[] = []
  t.throws(() => new RedisAdapter({ keyspace: 'k', client: new Redis({ keyPrefix: 'x', lazyConnect: true }) }), {
    message: 'client must have no keyPrefix; say it as `keyspace`'
  })
  const client = new Redis(server.url, { lazyConnect: true })
  const cache = new RedisAdapter({ keyspace: 'k', client, logger: recorder(log) })
  t.match(log, [
    ['warn', { enableOfflineQueue: true, autoResendUnfulfilledCommands: true }, /keeps or repeats commands/]
  ])
  t.match(await cache.set('k:a', 'v'), { ok: true }, 'connects a lazy client')
  await server.stop()
  t.ok(await eventually(async () => cache.state.state === 'down'))
  const started = performance.now()
  t.match(await cache.set('k:a', 'late'), { error: { reason: 'connection' } })
  t.ok(performance.now() - started < DEADLINE_MS, 'nothing waits in the queue')
  await server.restart()
  t.ok(await eventually(async () => (await cache.ping()).ok))
  t.match(await cache.get('k:a'), { value: undefined }, 'nothing lands after the outage')
  await cache.close()
  t.equal(client.status, 'ready')
  client.disconnect()
})

t.test('a Redis that is frozen at boot: the circuit opens, and nothing that timed out is sent later', async t => {
  const server = await startRedis()
  await server.freeze()
  const keyspace = randomPrefix()
  const cache = new RedisAdapter({ keyspace, client: createRedisClient({ url: server.url }), closesClient: true })
  const other = new Redis(server.url).on('error', () => {})
  t.teardown(async () => {
    await cache.close()
    other.disconnect()
    await server.stop()
  })
  const late = await Promise.all(Array.from({ length: 5 }, () => cache.set(`${keyspace}:a`, 'OLD')))
  for (const result of late) t.match(result, { error: { reason: 'timeout' } })
  t.match(await cache.get(`${keyspace}:a`), { error: { reason: 'circuit_open' } })
  await server.resume()
  t.ok(await eventually(async () => (await cache.ping()).ok))
  t.equal(await other.get(`${keyspace}:a`), null)
})

t.test('a slot that nobody serves fails its own keys alone', async t => {
  await using cluster = await startRedisCluster({ masters: 3, replicasPerMaster: 0 })
  const client = createRedisClient({ cluster: cluster.seeds })
  const keyspace = randomPrefix()
  const cache = new RedisAdapter({ keyspace, client, closesClient: true, commandTimeoutMs: 2_000 })
  t.teardown(() => cache.close())
  await cache.ping()
  const keys = Array.from({ length: 40 }, (_, index) => `${keyspace}:${index}`)
  const [lost = ''] = keys
  const slot = calculateSlot(lost)
  for (const node of cluster.nodes) {
    await node.cli('config', 'set', 'cluster-require-full-coverage', 'no')
  }
  for (const node of cluster.nodes)
    await node.cli('cluster', 'delslots', String(slot)).catch(() => {})
    // What ioredis knows after its next look at the slots.
  ;(client as unknown as { slots: unknown[] }).slots[slot] = undefined
  for (let attempt = 0; attempt < 6; attempt++) t.match(await cache.get(lost), { ok: false })
  t.equal(cache.state.state, 'up')
  const others = keys.filter(key => calculateSlot(key) !== slot)
  t.ok((await Promise.all(others.map(key => cache.set(key, 'v')))).every(result => result.ok))
})

t.test('close() with the circuit open asks no more', async t => {
  const server = await startRedis()
  const client = new Redis(server.url, { enableOfflineQueue: false }).on('error', () => {})
  const cache = new RedisAdapter({ keyspace: 'k', client })
  t.teardown(async () => {
    client.disconnect()
    await server.stop()
  })
  await cache.ping()
  await server.freeze()
  await Promise.all(Array.from({ length: 5 }, () => cache.get('k:a')))
  t.equal(cache.state.reason, 'timeout')
  await cache.close()
  let pings = 0
  client.ping = () => {
    pings++
    return Promise.resolve('PONG' as const)
  }
  client.disconnect()
  await new Promise(resolve => setTimeout(resolve, 1_200))
  t.equal(pings, 0)
  await server.resume()
})

t.test('a PING that is refused is an answer as well', async t => {
  const { server, client, log } = await open(t)
  await client.call('ACL', 'SETUSER', 'silent', 'on', '>secret', '~*', '+@all', '-ping')
  const cache = new RedisAdapter({
    keyspace: 'k',
    client: createRedisClient({ url: server.url, redis: { username: 'silent', password: 'secret' } }),
    closesClient: true,
    logger: recorder(log)
  })
  t.teardown(() => cache.close())
  await cache.get('k:a')
  await server.freeze()
  await Promise.all(Array.from({ length: 5 }, () => cache.get('k:a')))
  t.equal(cache.state.reason, 'timeout')
  await server.resume()
  t.ok(await eventually(async () => (await cache.get('k:a')).ok))
})

t.test('a database that does not exist is no database: nothing goes into number 0', async t => {
  const { server, client } = await open(t)
  const cache = new RedisAdapter({
    keyspace: 'k',
    client: createRedisClient({ url: `${server.url}/99` }),
    closesClient: true
  })
  t.teardown(() => cache.close())
  t.ok(await eventually(async () => cache.state.state === 'down'))
  t.match(await cache.set('k:a', 'v'), { ok: false })
  t.equal(await client.get('k:a'), null)
})

t.test('a replica answers reads, refuses writes, and is not left for each of them', async t => {
  const master = await startRedis()
  const replica = await startRedis({ args: ['--replicaof', master.host, String(master.port)] })
  const log: Line[] = []
  const cache = new RedisAdapter({
    keyspace: 'k',
    client: createRedisClient({ url: replica.url }),
    closesClient: true,
    logger: recorder(log)
  })
  t.teardown(async () => {
    await cache.close()
    await replica.stop()
    await master.stop()
  })
  await eventually(async () => (await cache.get('k:a')).ok)
  for (let attempt = 0; attempt < 20; attempt++) {
    t.match(await cache.set('k:a', 'v'), { ok: false })
    await eventually(async () => (await cache.get('k:a')).ok)
  }
  t.ok(log.length <= 5, `${log.length} lines`)
  t.match(
    log.find(([, details]) => 'code' in details),
    ['warn', { code: 'READONLY' }]
  )
})

t.test('a client that counts in strings is refused', async t => {
  t.throws(() => new RedisAdapter({ keyspace: 'k', client: new Redis({ stringNumbers: true, lazyConnect: true }) }), {
    message: /stringNumbers/
  })
})

t.test('a client that has ended is down from the start', async t => {
  const client = new Redis({ lazyConnect: true })
  client.disconnect()
  const cache = new RedisAdapter({ keyspace: 'k', client })
  t.match(await cache.get('k:a'), { error: { reason: 'connection' } })
  await cache.close()
})

t.test('commands that leave together find slots that have moved since', async t => {
  const { cluster, cache, keys } = await openCluster(t, { replicasPerMaster: 0 })
  t.match(await cache.ping(), { ok: true })
  await moveSlots(cluster, keys.map(calculateSlot))
  // The first batches go where the slots were.
  const written = await Promise.all(keys.map(key => cache.increment(key)))
  t.strictSame(new Set(written.map(result => (result.ok ? result.value : result.error))), new Set([1]), 'each once')
  const read = await Promise.all(keys.map(key => cache.get(key)))
  t.ok(read.every(result => result.ok && result.value === '1'))
})

t.test('a cluster that loses a master goes on with the others, and is whole again after the failover', async t => {
  const { cluster, cache, keyspace, keys } = await openCluster(t)
  await cache.setMany(keys.map(key => [key, 'v'] as const))
  const replicas = cluster.nodes.slice(3)
  await Promise.all(replicas.map(replica => replica.freeze()))
  t.same(await cache.deletePattern(`${keyspace}:*[02468]`), { ok: true, value: 15 }, 'asks masters alone')
  await Promise.all(replicas.map(replica => replica.resume()))
  await cache.setMany(keys.map(key => [key, 'v'] as const))
  await cluster.nodes[0]?.kill()
  const reads = await Promise.all(keys.map(key => cache.get(key)))
  t.ok(reads.some(read => read.ok))
  t.ok(await eventually(async () => (await Promise.all(keys.map(key => cache.get(key)))).every(read => read.ok)))
})

type Line = [level: string, details: object, message: string]

async function open(t: Test, options: Partial<RedisAdapterOptions> = {}) {
  const server: RedisServer = await startRedis()
  const log: Line[] = []
  const keyspace = randomPrefix()
  const client = new Redis(server.url).on('error', () => {})
  const cache = new RedisAdapter({
    keyspace,
    client: createRedisClient({ url: server.url }),
    closesClient: true,
    commandTimeoutMs: DEADLINE_MS,
    logger: recorder(log),
    ...options
  })
  await cache.ping()
  t.teardown(async () => {
    await cache.close()
    client.disconnect()
    await server.stop()
  })
  return { server, client, cache, log, key: (name: string) => `${keyspace}:${name}` }
}

function recorder(log: Line[]) {
  return {
    info: (details: object, message: string) => void log.push(['info', details, message]),
    warn: (details: object, message: string) => void log.push(['warn', details, message])
  }
}

async function openCluster(t: Test, options?: StartRedisClusterOptions) {
  const cluster = await startRedisCluster(options)
  const keyspace = randomPrefix()
  const client = createRedisClient({ cluster: cluster.seeds })
  const cache = new RedisAdapter({ keyspace, client, closesClient: true })
  t.teardown(async () => {
    await cache.close()
    await cluster.stop()
  })
  return { cluster, cache, keyspace, keys: Array.from({ length: 30 }, (_, index) => `${keyspace}:${index}`) }
}

/** Empty slots, each to the next of the masters, whose claim is the newest once it has imported. */
async function moveSlots({ nodes }: RedisCluster, slots: readonly number[]): Promise<void> {
  const ids = await Promise.all(nodes.map(async node => (await node.cli('CLUSTER', 'MYID')).trim()))
  const firstSlots = nodes.map((_, index) => Math.ceil((index * 16_384) / nodes.length))
  for (const slot of new Set(slots)) {
    const from = firstSlots.findLastIndex(first => slot >= first)
    const to = (from + 1) % nodes.length
    const set = (node: number, ...state: string[]) => nodes[node]?.cli('CLUSTER', 'SETSLOT', String(slot), ...state)
    await set(to, 'IMPORTING', String(ids[from]))
    for (const node of [to, from, 3 - to - from]) await set(node, 'NODE', String(ids[to]))
  }
}

async function eventually(isSo: () => Promise<boolean>): Promise<boolean> {
  for (let attempt = 0; attempt < 150; attempt++) {
    if (await isSo()) return true
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  return false
}
