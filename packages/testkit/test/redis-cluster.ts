import type { RedisCluster } from '@dashtam/testkit'
import { startRedisCluster, startRedisSentinel } from '@dashtam/testkit'
import { Cluster, Redis } from 'ioredis'
import t from 'tap'
import { until } from '../src/until.ts'

t.jobs = 3 // they wait more than they work

t.test('startRedisCluster() gives a cluster that serves keys on each master and fails over', async t => {
  await using cluster = await startRedisCluster()
  const [lost, ...others] = cluster.nodes
  t.equal(others.length, 5)
  const states = await Promise.all(cluster.nodes.map(node => node.cli('CLUSTER', 'INFO')))
  t.ok(
    states.every(state => state.includes('cluster_state:ok')),
    'it serves from the start'
  )
  const client = new Cluster([...cluster.seeds])
  t.teardown(() => client.disconnect())
  client.on('error', () => undefined)
  const keys = Array.from({ length: 100 }, (_, index) => `key:${index}`)
  for (const key of keys) await client.set(key, key)

  const sizes = await Promise.all(cluster.nodes.map(async node => Number(await node.cli('DBSIZE'))))
  t.ok(
    sizes.every(size => size > 0 && size < 100),
    'each master has its share, and its replica too'
  )

  await lost?.kill()
  await until('a replica takes over', async () => {
    const states = await Promise.all(others.map(node => node.cli('CLUSTER', 'INFO')))
    return states.every(state => state.includes('cluster_state:ok')) && (await countMasters(others)) === 3
  })
  await lost?.restart()
  await until('the lost node is a replica', async () => (await countMasters(cluster.nodes)) === 3)
})

t.test('startRedisCluster() does without replicas', async t => {
  await using cluster = await startRedisCluster({ masters: 4, replicasPerMaster: 0 })
  t.equal(cluster.nodes.length, 4)
  t.equal(await countMasters(cluster.nodes), 4)
})

t.test('startRedisCluster() refuses counts that make no cluster', async t => {
  const tooFew = new TypeError('masters is 2, expected an integer of at least 3')
  await t.rejects(startRedisCluster({ masters: 2 }), tooFew)
  const negative = new TypeError('replicasPerMaster is -1, expected an integer of at least 0')
  await t.rejects(startRedisCluster({ replicasPerMaster: -1 }), negative)
})

t.test('startRedisCluster() and startRedisSentinel() stop what they started when the rest fails', async t => {
  let running = 0
  const start = async () => {
    running++
    return {
      host: '127.0.0.1',
      port: 1,
      cli: () => Promise.reject(new Error('broken')),
      [Symbol.asyncDispose]: async () => void running--
    }
  }
  // `.js`: what imports are rewritten to before mockImport sees them.
  const broken = { '../src/find-redis.ts': { openRedisPlace: async () => ({ start }) } }
  const cluster = await t.mockImport<typeof import('../src/redis-cluster.ts')>('../src/redis-cluster.ts', broken)
  await t.rejects(cluster.startRedisCluster(), new Error('broken'))
  const sentinel = await t.mockImport<typeof import('../src/redis-sentinel.ts')>('../src/redis-sentinel.ts', broken)
  await t.rejects(sentinel.startRedisSentinel(), new Error('broken'))
  t.equal(running, 0)
})

t.test('startRedisSentinel() gives sentinels that lead clients to the master, and to the next one', async t => {
  await using sentinel = await startRedisSentinel()
  const { master, replica, sentinels, name } = sentinel
  for (const { host, port } of sentinels) {
    const observer = new Redis(port, host)
    t.match(await observer.call('SENTINEL', 'CKQUORUM', name), /^OK 3 usable Sentinels/)
    observer.disconnect()
  }
  const client = new Redis({ sentinels: [...sentinels], name })
  t.teardown(() => client.disconnect())
  client.on('error', () => undefined)
  await client.set('key', 'value')
  t.equal(await master.cli('GET', 'key'), 'value')
  t.equal(await client.wait(1, 2_000), 1, 'the replica has it')

  await master.kill()
  // With the promotion, in one step, a sentinel has the replica drop its clients: also the one that asks at that moment.
  await until('the replica takes over', async () => (await countMasters([replica]).catch(() => 0)) === 1)
  await client.set('key', 'another')
  t.equal(await replica.cli('GET', 'key'), 'another')
})

async function countMasters(nodes: RedisCluster['nodes']): Promise<number> {
  const roles = await Promise.all(nodes.map(node => node.cli('ROLE')))
  return roles.filter(role => role.startsWith('master')).length
}
