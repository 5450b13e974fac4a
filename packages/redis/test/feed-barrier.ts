import { type RedisServer, startFaultProxy, startRedis } from '@dashtam/testkit'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { eventually, isTrusted, openFeed } from './fixtures/open-feed.ts'

const READERS = 64
const ROUNDS = 160

t.test('barrier() resolves when all that was acknowledged before has been told, of 10,240 changes', async t => {
  const server = await startServer(t)
  const { feed, keyspace, told } = await openFeed(t, { url: server.url })
  t.ok(await eventually(() => isTrusted(feed)))
  t.equal(await countMissing(t, server, keyspace, told, () => feed.barrier()), 0)
})

t.test(
  'barrier() holds on a network that delays each connection as it likes; a PING of another one would not',
  async t => {
    const server = await startServer(t)
    const proxy = await startFaultProxy(server.url, { seed: 7 })
    t.teardown(() => proxy.stop())
    const { feed, client, keyspace, told } = await openFeed(t, { url: proxy.url })
    t.ok(await eventually(() => isTrusted(feed)))
    proxy.toClient.delay({ maxMs: 3 })
    t.equal(await countMissing(t, server, keyspace, told, () => feed.barrier()), 0)
    const wrong = async () => (await client.ping()) === 'PONG'
    t.ok((await countMissing(t, server, keyspace, told, wrong)) > 100, 'the test can tell')
  }
)

t.test('barrier() is one PING for all who call it in a turn, and another for who calls later', async t => {
  const server = await startServer(t)
  const proxy = await startFaultProxy(server.url)
  t.teardown(() => proxy.stop())
  const { feed } = await openFeed(t, { url: proxy.url }, { heartbeatMs: 60_000, barrierTimeoutMs: 5_000 })
  t.ok(await eventually(() => isTrusted(feed)))
  const pings = async () => Number(/cmdstat_ping:calls=(\d+)/.exec(await server.cli('INFO', 'commandstats'))?.[1])
  const before = await pings()
  proxy.toClient.freeze()
  const first = Array.from({ length: 1_000 }, () => feed.barrier())
  t.ok(await eventually(async () => (await pings()) === before + 1))
  const second = [feed.barrier(), Promise.resolve().then(() => feed.barrier())]
  t.ok(await eventually(async () => (await pings()) === before + 2), 'while the first is unanswered')
  proxy.toClient.resume()
  const answers = await Promise.all([...first, ...second])
  t.ok(answers.every(answer => answer))
  t.equal(await pings(), before + 2)
  t.equal(feed.stats().barriers, 1_002)
})

t.test('barrier() is false when there is no answer in time, and the trust goes on', async t => {
  const server = await startServer(t)
  const proxy = await startFaultProxy(server.url)
  t.teardown(() => proxy.stop())
  const { feed, told } = await openFeed(t, { url: proxy.url }, { barrierTimeoutMs: 100 })
  t.ok(await eventually(() => isTrusted(feed)))
  proxy.toClient.freeze()
  const startedMs = performance.now()
  t.notOk(await feed.barrier())
  const tookMs = performance.now() - startedMs
  t.ok(tookMs >= 90 && tookMs < 300, `after ${tookMs} ms`)
  t.ok(isTrusted(feed))
  proxy.toClient.resume()
  t.ok(await eventually(() => feed.barrier()))
  t.strictSame(told, ['everything'])
})

t.test('barrier() is false when the connection is lost meanwhile, and at once while there is none', async t => {
  const server = await startServer(t)
  const { feed } = await openFeed(t, { url: server.url }, { barrierTimeoutMs: 10_000 })
  t.ok(await eventually(() => isTrusted(feed)))
  await server.freeze()
  const waiting = feed.barrier()
  await server.kill()
  t.notOk(await waiting)
  t.notOk(isTrusted(feed))
  const startedMs = performance.now()
  t.notOk(await feed.barrier())
  t.ok(performance.now() - startedMs < 50)
})

t.test('barrier() is false while the server is busy with a script', async t => {
  const server = await startServer(t)
  await server.cli('CONFIG', 'SET', 'busy-reply-threshold', '50')
  const { feed, log } = await openFeed(t, { url: server.url }, { barrierTimeoutMs: 2_000 })
  t.ok(await eventually(() => isTrusted(feed)))
  const script = server.cli('EVAL', 'while true do end', '0').catch(() => {})
  await eventually(() =>
    server.cli('PING').then(
      () => false,
      () => true
    )
  )
  t.notOk(await feed.barrier())
  await server.cli('SCRIPT', 'KILL')
  await script
  t.ok(await eventually(() => feed.barrier()))
  t.equal(log.length, 1, 'nothing was lost')
})

async function startServer(t: Test): Promise<RedisServer> {
  const server = await startRedis()
  t.teardown(() => server.stop())
  return server
}

/** Changes slots over another connection, and counts the changes that were not told when `wait` had resolved. */
async function countMissing(
  t: Test,
  server: RedisServer,
  keyspace: string,
  told: string[],
  wait: () => Promise<boolean>
): Promise<number> {
  const writer = new Redis(server.url)
  // The same keys as the last time.
  told.length = 0
  let missing = 0
  await Promise.all(
    Array.from({ length: READERS }, async (_, reader) => {
      for (let round = 0; round < ROUNDS; round++) {
        const key = `${reader}:${round}`
        await writer.set(`${keyspace}:~s:${key}`, '', 'PX', 60_000)
        if (!(await wait())) t.fail('not trusted')
        if (told.lastIndexOf(`slot ${keyspace}:${key}`) === -1) missing++
      }
    })
  )
  writer.disconnect()
  return missing
}
