import { openRedisPlace } from './find-redis.ts'
import type { RedisServer } from './redis-server.ts'
import { isInSync } from './replication.ts'
import { until } from './until.ts'

/** A master, its replica and three sentinels that watch them, of the test's own. */
export interface RedisSentinel {
  /** What the sentinels call the master. */
  readonly name: string
  readonly sentinels: readonly { readonly host: string; readonly port: number }[]
  /** Who is the master to begin with. */
  readonly master: RedisServer
  /** Who takes over. */
  readonly replica: RedisServer
  /** Stops all five for good. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const NAME = 'dashtam-test'
const SENTINELS = 3
const QUORUM = 2
const DOWN_AFTER_MS = 500
const FAILOVER_TIMEOUT_MS = 5_000

/** Starts them and waits until every sentinel knows the replica and the other sentinels: a failover can follow at once. */
export async function startRedisSentinel(): Promise<RedisSentinel> {
  const place = await openRedisPlace(2 + SENTINELS)
  const started: RedisServer[] = []
  const start = async (...args: string[]) => {
    const server = await place.start(args)
    started.push(server)
    return server
  }
  const stop = async () => {
    await Promise.all(started.map(server => server[Symbol.asyncDispose]()))
  }
  try {
    const master = await start('--repl-diskless-sync-delay', '0')
    const [replica, ...sentinels] = await Promise.all([
      start('--replicaof', '127.0.0.1', String(master.port)),
      ...Array.from({ length: SENTINELS }, () => start('--sentinel'))
    ])
    await until('the replica is in sync', () => isInSync(replica))
    await Promise.all(sentinels.map(sentinel => watch(sentinel, master)))
    await Promise.all(sentinels.map(sentinel => until('the sentinels know all', () => knowsAll(sentinel))))
    const addresses = sentinels.map(({ host, port }) => ({ host, port }))
    return { name: NAME, sentinels: addresses, master, replica, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function watch(sentinel: RedisServer, master: RedisServer): Promise<void> {
  // They introduce themselves every 2 s otherwise, and a failover waits for INFO, every 10 s.
  await sentinel.cli('SENTINEL', 'DEBUG', 'publish-period', '100', 'info-period', '500')
  await sentinel.cli('SENTINEL', 'MONITOR', NAME, '127.0.0.1', String(master.port), String(QUORUM))
  await sentinel.cli('SENTINEL', 'SET', NAME, 'down-after-milliseconds', String(DOWN_AFTER_MS))
  await sentinel.cli('SENTINEL', 'SET', NAME, 'failover-timeout', String(FAILOVER_TIMEOUT_MS))
}

async function knowsAll(sentinel: RedisServer): Promise<boolean> {
  const master = fields(await sentinel.cli('SENTINEL', 'MASTER', NAME))
  if (master.get('flags') !== 'master' || master.get('num-other-sentinels') !== String(SENTINELS - 1)) return false
  const replica = fields(await sentinel.cli('SENTINEL', 'REPLICAS', NAME))
  return replica.get('flags') === 'slave' && replica.get('master-link-status') === 'ok'
}

/** redis-cli prints a map as a line per name and a line per value. */
function fields(lines: string): Map<string, string> {
  const values = lines.split('\n')
  const pairs = values.flatMap((name, index) => (index % 2 === 0 ? [[name, values[index + 1] ?? ''] as const] : []))
  return new Map(pairs)
}
