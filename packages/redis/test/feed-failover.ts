import { type RedisServer, startFaultProxy, startRedis, startRedisCluster, startRedisSentinel } from '@dashtam/testkit'
import calculateSlot from 'cluster-key-slot'
import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { RedisInvalidationFeed } from '../src/feed/invalidation-feed.ts'
import { eventually, isTrusted, openFeed } from './fixtures/open-feed.ts'

const HEARTBEAT_MS = 300
const KEYS = 60

t.test('a sentinel failover ends the trust, until feed and client have both moved', async t => {
  const sentinel = await startRedisSentinel()
  t.teardown(() => sentinel.stop())
  const target = { sentinels: sentinel.sentinels, sentinelName: sentinel.name }
  const { feed, keyspace, told } = await openFeed(t, target, { heartbeatMs: HEARTBEAT_MS })
  t.ok(await eventually(() => isTrusted(feed)))
  await sentinel.master.kill()
  t.ok(await eventually(() => !isTrusted(feed)))
  t.ok(await eventually(() => isTrusted(feed)))
  t.equal(feed.stats().gaps, 1)
  await sentinel.replica.cli('SET', `${keyspace}:~s:a`, '')
  t.ok(await feed.barrier())
  t.equal(told.at(-1), `slot ${keyspace}:a`)
})

t.test('a feed that leads to another server than the client is not trusted', async t => {
  const [first, second] = await Promise.all([startRedis(), startRedis()])
  const proxy = await startFaultProxy(first.url)
  t.teardown(async () => {
    proxy.stop()
    await Promise.all([first.stop(), second.stop()])
  })
  const { feed, client, keyspace, told, log } = await openFeed(t, { url: proxy.url }, { heartbeatMs: HEARTBEAT_MS })
  t.ok(await eventually(() => isTrusted(feed)))
  proxy.redirect(second.url)
  await first.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
  t.ok(await eventually(() => log.some(([, details]) => 'reason' in details && details.reason === 'other_server')))
  t.notOk(isTrusted(feed))
  await client.set(`${keyspace}:~s:a`, 'goes to the first one')
  client.disconnect(true)
  t.ok(await eventually(() => isTrusted(feed)))
  await second.cli('SET', `${keyspace}:~s:b`, '')
  t.ok(await feed.barrier())
  t.equal(told.at(-1), `slot ${keyspace}:b`)
  t.notOk(told.includes(`slot ${keyspace}:a`))
})

t.test('a cluster is followed on all of its masters', async t => {
  const { cluster, feed, client, keyspace, told } = await openCluster(t)
  t.strictSame(await countFeeds(cluster.nodes), [1, 1, 1, 0, 0, 0])
  await writeAll(cluster.seeds, keyspace)
  t.ok(await feed.barrier())
  t.equal(new Set(told).size, KEYS + 1, 'every key, and everything at the start')

  // A client may lose the connection to one node and forget it.
  const [node = new Redis()] = client.nodes('master')
  told.length = 0
  node.disconnect()
  await eventually(() => client.nodes('master').length === 2)
  await eventually(() => client.nodes('master').length === 3)
  t.ok(await eventually(() => isTrusted(feed)))
  t.strictSame(told, [])
  t.equal(feed.stats().gaps, 0)
  await feed.close()
  t.ok(await eventually(async () => (await countFeeds(cluster.nodes)).every(count => count === 0)))
})

t.test('a cluster that loses a master is not trusted before its successor is followed', async t => {
  const { cluster, feed, keyspace, told, log } = await openCluster(t)
  await cluster.nodes[0]?.kill()
  t.ok(await eventually(() => !isTrusted(feed)))
  t.ok(await eventually(() => isTrusted(feed)))
  t.equal(feed.stats().gaps, 1)
  t.equal(log.length, 3)
  told.length = 0
  await writeAll(cluster.seeds.slice(1), keyspace)
  t.ok(await feed.barrier())
  t.equal(new Set(told).size, KEYS)
})

t.test(
  'a master of a cluster that is demoted without hanging up ends the trust until its successor is followed',
  async t => {
    const { cluster, feed, keyspace, told } = await openCluster(t)
    const [replica] = cluster.nodes.slice(3)
    await replica?.cli('CLUSTER', 'FAILOVER')
    t.ok(await eventually(() => !isTrusted(feed)))
    t.ok(await eventually(() => isTrusted(feed)))
    told.length = 0
    await writeAll(cluster.seeds, keyspace)
    t.ok(await feed.barrier())
    t.equal(new Set(told).size, KEYS)
  }
)

t.test('barrier() covers a slot that has moved to another master when this process does not know it yet', async t => {
  const { cluster, feed, client, keyspace, told } = await openCluster(t)
  const slot = calculateSlot(`${keyspace}:~s:a`)
  const owner = client.slots[slot]?.[0]
  const source = cluster.nodes.find(node => `${node.host}:${node.port}` === owner)
  const target = cluster.nodes.slice(0, 3).find(node => node !== source)
  if (source === undefined || target === undefined) throw new Error('the cluster has no such masters')
  await moveSlot(slot, source, target)
  const writer = new Redis(target.url)
  const rounds = await countRounds(told, feed, async () => {
    await writer.set(`${keyspace}:~s:a`, '')
  })
  writer.disconnect()
  t.strictSame(rounds, { untold: 0, refused: 0 })
  t.equal(client.slots[slot]?.[0], owner, 'it still does not know')
})

t.test('a master that is new is followed as soon as commands go to it', async t => {
  const { cluster, feed, client, keyspace, told } = await openCluster(t)
  const fresh = await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000'] })
  t.teardown(() => fresh.stop())
  await fresh.cli('CLUSTER', 'MEET', '127.0.0.1', String(cluster.nodes[0]?.port))
  const knowsAll = async (node: RedisServer) => (await node.cli('CLUSTER', 'NODES')).split('\n').length === 7
  t.ok(await eventually(async () => (await Promise.all([fresh, ...cluster.nodes].map(knowsAll))).every(yes => yes)))
  const slot = calculateSlot(`${keyspace}:~s:a`)
  const source = cluster.nodes.find(node => `${node.host}:${node.port}` === client.slots[slot]?.[0])
  if (source === undefined) throw new Error('nobody owns the slot')
  await moveSlot(slot, source, fresh)
  const isServed = () =>
    fresh.cli('SET', `${keyspace}:~s:a`, '').then(
      () => true,
      () => false
    )
  t.ok(await eventually(isServed), 'the new node has heard from the others')
  await client.get(`${keyspace}:~s:a`).catch(() => {})
  t.ok(await eventually(async () => feed.stats().gaps > 0 && isTrusted(feed) && (await countFeeds([fresh]))[0] === 1))
  told.length = 0
  await fresh.cli('DEL', `${keyspace}:~s:a`)
  t.ok(await feed.barrier())
  t.strictSame(told, [`slot ${keyspace}:a`])
})

t.test('a cluster whose servers refuse tracking is followed by its channel', async t => {
  const cluster = await startRedisCluster()
  t.teardown(() => cluster.stop())
  for (const node of cluster.nodes) {
    await node.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-client|tracking')
  }
  const redis = { username: 'app', password: 'secret' }
  const { feed, client, keyspace, told } = await openFeed(t, { cluster: cluster.seeds, redis })
  t.ok(await eventually(() => isTrusted(feed)))
  t.equal(feed.stats().mode, 'pubsub')
  const rounds = await countRounds(told, feed, async round => {
    await client.eval(`redis.call('PUBLISH', ARGV[1], KEYS[1])`, 1, `${keyspace}:~s:${round}`, `${keyspace}:~i`)
  })
  t.strictSame(rounds, { untold: 0, refused: 0 })
})

async function openCluster(t: Test) {
  const cluster = await startRedisCluster()
  t.teardown(() => cluster.stop())
  const opened = await openFeed(t, { cluster: cluster.seeds }, { heartbeatMs: HEARTBEAT_MS })
  t.ok(await eventually(() => isTrusted(opened.feed)))
  return { cluster, ...opened, client: opened.client as Cluster }
}

/**
 * How often a barrier let through what was not told, which must never be, and how often it gave up, which is safe but
 * not expected of servers that are well.
 */
async function countRounds(told: string[], feed: RedisInvalidationFeed, change: (round: number) => Promise<void>) {
  const counted = { untold: 0, refused: 0 }
  for (let round = 0; round < 1_000; round++) {
    told.length = 0
    await change(round)
    if (!(await feed.barrier())) counted.refused++
    else if (told.length === 0) counted.untold++
  }
  return counted
}

/** How many feeds follow each of the servers. */
function countFeeds(servers: readonly RedisServer[]): Promise<number[]> {
  return Promise.all(servers.map(async server => (await server.cli('CLIENT', 'LIST')).split(':~i ').length - 1))
}

async function writeAll(seeds: readonly { host: string; port: number }[], keyspace: string): Promise<void> {
  const writer = new Cluster([...seeds])
  await Promise.all(Array.from({ length: KEYS }, (_, index) => writer.set(`${keyspace}:~s:${index}`, '')))
  writer.disconnect()
}

/** Of a slot without keys. */
async function moveSlot(slot: number, source: RedisServer, target: RedisServer): Promise<void> {
  const [sourceId, targetId] = await Promise.all([source, target].map(node => node.cli('CLUSTER', 'MYID')))
  await target.cli('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', sourceId ?? '')
  await source.cli('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', targetId ?? '')
  for (const node of [target, source]) await node.cli('CLUSTER', 'SETSLOT', String(slot), 'NODE', targetId ?? '')
}
