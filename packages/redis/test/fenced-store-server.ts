import { setTimeout as sleep } from 'node:timers/promises'
import type { FencedStore, ServerChange } from '@dashtam/cache-protocol'
import {
  createRedisClient,
  RedisAdapter,
  type RedisAdapterOptions,
  type RedisClientOptions
} from '@dashtam/cache-redis'
import { type RedisServer, startRedis, startRedisCluster, startRedisSentinel } from '@dashtam/testkit'
import t, { type Test } from 'tap'

/** A replica counts as promoted when it has been up for a second or two more than the last word of its master is old. */
const OLD_ENOUGH_MS = 3_000

t.test('onServerChange() tells of a mere reconnect nothing', async t => {
  await using server = await startRedis()
  const { store, changes } = await open(t, { url: server.url })
  const runId = await runIdOf(server)
  t.strictSame(changes, [{ kind: 'connected', server: runId }])
  await server.cli('CLIENT', 'KILL', 'TYPE', 'normal')
  await untilUnreachable(store)
  t.ok(await untilReachable(store))
  t.equal(changes.length, 1)
})

t.test('onServerChange() tells of a restart before any answer of the new server', async t => {
  await using server = await startRedis()
  const { store, changes, key } = await open(t, { url: server.url })
  const before = await runIdOf(server)
  await store.beginWrite(key, TOKEN, 60_000)
  await server.kill()
  await untilUnreachable(store)
  await server.restart()
  let answers = 0
  for (let attempt = 0; attempt < 20_000 && answers === 0; attempt++) {
    const read = await store.read(key)
    if (read.ok) {
      answers++
      t.equal(read.value.kind, 'absent')
      t.strictSame(changes[1], { kind: 'restarted', server: await runIdOf(server), previous: before })
    } else if (attempt % 100 === 99) await sleep(20)
  }
  t.equal(answers, 1)
  t.equal(store.isReachable, true)
})

t.test('onServerChange() takes a master that is loaded from a snapshot for no promoted replica', async t => {
  await using server = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] })
  await using replica = await startRedis({ args: ['--replicaof', server.host, String(server.port)] })
  const { store, changes, key } = await open(t, { url: server.url })
  t.ok(await eventually(async () => (await replica.cli('INFO', 'replication')).includes('master_link_status:up')))
  const history = fieldOf(await server.cli('INFO', 'replication'), 'master_replid')
  // So that its id of now, which it has for its replica, is known.
  await sleep(1_500)
  await store.beginWrite(key, TOKEN, 60_000)
  await server.cli('SAVE')
  await store.endWrite(key, TOKEN)
  await server.kill()
  await server.restart()
  t.ok(await eventually(async () => changes.length === 2))
  t.equal(fieldOf(await server.cli('INFO', 'replication'), 'master_replid2'), history, 'it goes on from itself')
  t.match(changes[1], { kind: 'restarted' })
  t.match(await store.read(key), { value: { kind: 'closed' } }, 'and what was over is back')
})

t.test('onServerChange() tells of a failover by sentinels', async t => {
  await using sentinel = await startRedisSentinel()
  const { store, changes } = await open(t, { sentinels: sentinel.sentinels, sentinelName: sentinel.name })
  const [before, after] = [await runIdOf(sentinel.master), await runIdOf(sentinel.replica)]
  await sleep(OLD_ENOUGH_MS)
  await sentinel.master.kill()
  t.ok(await eventually(async () => changes.length === 2))
  t.strictSame(changes, [
    { kind: 'connected', server: before },
    { kind: 'promoted', server: after, previous: before }
  ])
  t.ok(await untilReachable(store))
})

t.test('isReachable is false while the server is a replica, which is logged once', async t => {
  await using other = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] })
  await using server = await startRedis()
  const { store, changes, key, log } = await open(t, { url: server.url })
  await server.cli('REPLICAOF', other.host, String(other.port))
  t.ok(await eventually(async () => !store.isReachable))
  t.match(await store.read(key), { error: { reason: 'connection' } }, 'nothing is read from a replica')
  t.ok(await eventually(async () => (await server.cli('INFO', 'replication')).includes('master_link_status:up')))
  await sleep(2_500)
  await server.cli('REPLICAOF', 'NO', 'ONE')
  t.ok(await untilReachable(store))
  t.match(changes[1], { kind: 'restarted', server: changes[0]?.server ?? '' }, 'its data is that of the other now')
  t.strictSame(
    log.filter(line => line.includes('master')),
    ["the cache's Redis is not a master; going on without it", "the cache's Redis is a master again"]
  )
})

t.test('isReachable is false for a server that refuses to say who it is', async t => {
  await using server = await startRedis()
  await server.cli('ACL', 'SETUSER', 'mute', 'on', 'nopass', '~*', '&*', '+@all', '-info')
  const { store, key, log, changes } = await open(t, {
    url: server.url,
    redis: { username: 'mute', password: 'any', enableReadyCheck: false }
  })
  t.match(await store.read(key), { ok: false })
  t.equal(store.isReachable, false)
  t.ok(log.some(line => /refuses commands.*NOPERM/.test(line)))
  await server.cli('ACL', 'SETUSER', 'mute', '+info')
  t.ok(await untilReachable(store), 'it is asked again')
  t.match(changes, [{ kind: 'connected' }])
})

t.test('onServerChange() in a cluster tells of each master, and of the replica that takes over from one', async t => {
  await using cluster = await startRedisCluster()
  const { store, changes, keyspace } = await open(t, { cluster: cluster.seeds })
  const masters = await Promise.all(cluster.nodes.slice(0, 3).map(runIdOf))
  t.strictSame(
    changes.map(change => `${change.kind} ${change.server}`).sort(),
    masters.map(runId => `connected ${runId}`).sort()
  )
  await sleep(OLD_ENOUGH_MS)
  await cluster.nodes[0]?.kill()
  const keys = Array.from({ length: 60 }, (_, index) => `${keyspace}:${index}`)
  const areServed = async () => (await store.readMany(keys)).ok
  t.ok(await eventually(async () => (await areServed()) && changes.length === 4))
  t.match(changes[3], { kind: 'promoted', previous: masters[0] ?? '' })
  t.ok(store.isReachable)
})

t.test('close() leaves no listener on a client that is not its own, and the store unreachable', async t => {
  await using server = await startRedis()
  const client = createRedisClient({ url: server.url })
  const events = ['ready', 'close', 'error']
  const listeners = () => events.map(event => client.listenerCount(event))
  const before = listeners()
  const adapter = new RedisAdapter({ keyspace: 'k', client })
  const store = adapter.fencedStore()
  t.match(await store.read('k:a'), { ok: true })
  await adapter.close()
  t.strictSame(listeners(), before)
  t.equal(store.isReachable, false)
  for (const result of [
    await store.read('k:a'),
    await store.invalidate(['k:a']),
    await store.readGenerations(['a']),
    await store.bumpOnce('a', 'b')
  ]) {
    t.match(result, { error: { reason: 'closed' } })
  }
  client.disconnect()
})

const TOKEN = 'x'.repeat(22)

/** A store that has met its server. */
async function open(t: Test, options: RedisClientOptions) {
  const keyspace = 'k'
  const log: string[] = []
  const logger: NonNullable<RedisAdapterOptions['logger']> = {
    info: (_, message) => void log.push(message),
    warn: (_, message) => void log.push(message)
  }
  const adapter = new RedisAdapter({ keyspace, client: createRedisClient(options), closesClient: true, logger })
  t.teardown(() => adapter.close())
  const store = adapter.fencedStore()
  const changes: ServerChange[] = []
  store.onServerChange(change => changes.push(change))
  await store.read(`${keyspace}:a`)
  return { store, changes, log, keyspace, key: `${keyspace}:a` }
}

async function runIdOf(server: RedisServer): Promise<string> {
  return fieldOf(await server.cli('INFO', 'server'), 'run_id')
}

function fieldOf(info: string, name: string): string {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1] ?? ''
}

function untilReachable(store: FencedStore): Promise<boolean> {
  return eventually(async () => store.isReachable)
}

function untilUnreachable(store: FencedStore): Promise<boolean> {
  return eventually(async () => !store.isReachable, 1)
}

async function eventually(isSo: () => Promise<boolean>, intervalMs = 20): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < 15_000; waitedMs += intervalMs) {
    if (await isSo()) return true
    await sleep(intervalMs)
  }
  return false
}
