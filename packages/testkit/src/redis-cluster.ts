import { openRedisPlace } from './find-redis.ts'
import type { RedisServer } from './redis-server.ts'
import { isInSync } from './replication.ts'
import { until } from './until.ts'

export interface StartRedisClusterOptions {
  /** At least 3. @defaultValue 3 */
  readonly masters?: number
  /** @defaultValue 1 */
  readonly replicasPerMaster?: number
}

/** A Redis Cluster of the test's own. Which nodes are masters changes with a failover: ask them. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[]
  /** What a client is given to start from: every node. */
  readonly seeds: readonly { readonly host: string; readonly port: number }[]
  /** Stops every node for good. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** A failover takes some 2.4 s with it, and nodes are not thought dead merely for a busy machine. */
const NODE_TIMEOUT_MS = 1_000

/** Starts a cluster and waits until every node serves and every replica is in sync. */
export async function startRedisCluster(options: StartRedisClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicasPerMaster = 1 } = options
  requireCount('masters', masters, 3)
  requireCount('replicasPerMaster', replicasPerMaster, 0)

  const nodes = await startNodes(masters * (1 + replicasPerMaster))
  const stop = async () => {
    await Promise.all(nodes.map(node => node[Symbol.asyncDispose]()))
  }
  try {
    await formCluster(nodes, masters, replicasPerMaster)
  } catch (error) {
    await stop()
    throw error
  }
  const seeds = nodes.map(({ host, port }) => ({ host, port }))
  return { nodes, seeds, stop, [Symbol.asyncDispose]: stop }
}

function requireCount(option: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new TypeError(`${option} is ${value}, expected an integer of at least ${least}`)
  }
}

async function startNodes(count: number): Promise<RedisServer[]> {
  const place = await openRedisPlace(count)
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(NODE_TIMEOUT_MS)]
  return Promise.all(Array.from({ length: count }, () => place.start([...args, '--repl-diskless-sync-delay', '0'])))
}

async function formCluster(nodes: readonly RedisServer[], masters: number, replicasPerMaster: number): Promise<void> {
  const [first] = nodes
  const addresses = nodes.map(node => `127.0.0.1:${node.port}`)
  const replicas = ['--cluster-replicas', String(replicasPerMaster), '--cluster-yes']
  await first?.cli('--cluster', 'create', ...addresses, ...replicas)
  const roles = { master: masters, slave: masters * replicasPerMaster }
  await Promise.all(
    nodes.map(node => until(`the cluster is formed`, async () => (await knows(node, roles)) && (await isInSync(node))))
  )
}

/** Whether `node` serves, and knows every other node by its role. */
async function knows(node: RedisServer, roles: { master: number; slave: number }): Promise<boolean> {
  const info = await node.cli('CLUSTER', 'INFO')
  if (!info.includes('cluster_state:ok')) return false
  // One line a node; the third field holds its flags: `myself,master`, `slave,fail?`, `handshake` …
  const flags = (await node.cli('CLUSTER', 'NODES')).split('\n').map(line => line.split(' ')[2] ?? '')
  if (flags.some(flag => /handshake|fail|noaddr/.test(flag))) return false
  const count = (role: string) => flags.filter(flag => flag.split(',').includes(role)).length
  return count('master') === roles.master && count('slave') === roles.slave
}
