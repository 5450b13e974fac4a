// What the engine costs its Redis: round trips before the loader, and commands for each kind of read.
import { createRedisClient, RedisAdapter, RedisInvalidationFeed } from '@dashtam/cache-redis'
import { type RedisServer, startFaultProxy, startRedis, until } from '@dashtam/testkit'
import t, { type Test } from 'tap'
import { createReadThrough } from '../src/index.ts'

const KEYSPACE = 'commands'
const keys = Object.assign(({ id }: { id: number }) => `${KEYSPACE}:account:${id}`, { family: 'account' })
const load = ({ id }: { id: number }) => ({ id })

t.test('a miss costs two round trips before the loader, also when its tags are not known', async t => {
  await using server = await startRedis()
  await using proxy = await startFaultProxy(server.url)
  const { cache, ping } = await open(t, proxy.url)
  let reachedAtMs = 0
  const family = cache.family(keys, {
    tags: ({ id }) => [`of ${id}`, 'of all'],
    load: params => {
      reachedAtMs = performance.now()
      return load(params)
    }
  })
  await family.get({ id: 0 })
  proxy.toServer.delay({ minMs: 100, maxMs: 110 })
  await ping()
  for (const id of [1, 2, 3]) {
    const startedMs = performance.now()
    await family.get({ id })
    const elapsedMs = reachedAtMs - startedMs
    t.ok(elapsedMs >= 200 && elapsedMs < 300, `two of 100 ms: ${elapsedMs.toFixed(0)} ms`)
  }
})

t.test('a tag is invalidated by one command, and neither the hits before nor those after send one', async t => {
  await using server = await startRedis()
  const { cache, ping } = await open(t, server.url)
  const family = cache.family(keys, { tags: () => ['of all'], load, ttlSeconds: 3_600 })
  const ids = Array.from({ length: 1_000 }, (_, id) => ({ id }))
  const readAll = () => family.getMany(ids)
  /** No reader waits for the fills; what their own messages make suspect is asked for once. */
  const settle = async () => {
    await readAll()
    await until('hits are free', async () => (await ping()) && (await countCommands(server, readAll)) === 0)
  }
  await cache.invalidateTags(['of others'])
  await settle()
  t.equal(await countCommands(server, readAll), 0, 'a thousand hits')
  t.equal(await countCommands(server, () => cache.invalidateTags(['of all'])), 1, 'a thousand invalidated')
  await settle()
  t.equal(await countCommands(server, readAll), 0, 'a thousand hits of what was loaded anew')
  t.equal(await countCommands(server, () => cache.clear()), 1, 'everything invalidated')
})

async function open(t: Test, url: string) {
  const client = createRedisClient({ url })
  const adapter = new RedisAdapter({ client, keyspace: KEYSPACE, commandTimeoutMs: 5_000 })
  const feed = new RedisInvalidationFeed({ client, keyspace: KEYSPACE, heartbeatMs: 5_000 })
  const cache = createReadThrough({ store: adapter.fencedStore(), feed, heartbeatMs: 5_000 })
  t.teardown(async () => {
    await cache.close()
    await adapter.close()
    client.disconnect()
  })
  while (!feed.stats().isTrusted) await new Promise(resolve => setTimeout(resolve, 10))
  return { cache, ping: () => feed.barrier() }
}

/** Those for data: heartbeats come when they come. */
async function countCommands(server: RedisServer, run: () => Promise<unknown>): Promise<number> {
  await server.cli('CONFIG', 'RESETSTAT')
  await run()
  const stats = await server.cli('INFO', 'commandstats')
  const calls = new Map(
    Array.from(stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g), ([, name, count]) => [name, Number(count)])
  )
  // A script's own calls are counted too: of those that scripts make there is one EVALSHA.
  return (calls.get('evalsha') ?? 0) + (calls.get('eval') ?? 0) || (calls.get('get') ?? 0) + (calls.get('pttl') ?? 0)
}
