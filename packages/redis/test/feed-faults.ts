import { type RedisServer, startFaultProxy, startRedis } from '@dashtam/testkit'
import t, { type Test } from 'tap'
import { eventually, isTrusted, openFeed } from './fixtures/open-feed.ts'

const HEARTBEAT_MS = 300

t.test('a connection that is killed is a gap: trust ends at once, and begins after everything was told', async t => {
  const { server, feed, keyspace, told, log } = await open(t)
  let trustedWithout = 0
  await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
  t.ok(await eventually(() => told.length > 1, HEARTBEAT_MS))
  t.strictSame(told, ['everything', 'everything'], 'what is in memory is suspect')
  t.equal(feed.trustedUntilMs, -Infinity)
  await server.cli('SET', `${keyspace}:~s:a`, 'missed, perhaps')
  t.ok(
    await eventually(() => {
      if (isTrusted(feed) && told.length < 3) trustedWithout++
      return isTrusted(feed)
    })
  )
  t.equal(trustedWithout, 0)
  t.strictSame(told.filter(what => what === 'everything').length, 3)
  t.match(feed.stats(), { gaps: 1, mode: 'tracking' })
  await server.cli('SET', `${keyspace}:~s:b`, '')
  t.ok(await feed.barrier())
  t.equal(told.at(-1), `slot ${keyspace}:b`, 'the tracking is back as well')
  t.match(log, [
    ['info', { mode: 'tracking' }, /hearing of every change/],
    ['warn', { reason: 'connection' }, /not hearing/],
    ['info', { mode: 'tracking' }, /hearing of every change/]
  ])
})

t.test('a server that freezes is trusted for a heartbeat at most, and a short time of it is no gap', async t => {
  const { server, feed, told } = await open(t)
  await server.freeze()
  const frozenMs = performance.now()
  await sleep(2 * HEARTBEAT_MS)
  t.ok(feed.trustedUntilMs <= frozenMs + HEARTBEAT_MS, 'counted from the last PING that was answered')
  t.ok(feed.trustedUntilMs > frozenMs, 'and not from the one before it')
  t.notOk(feed.stats().isTrusted)
  t.notOk(await feed.barrier())
  await server.resume()
  t.ok(await eventually(() => isTrusted(feed)))
  t.strictSame(told, ['everything'])
  t.equal(feed.stats().gaps, 0)
})

t.test('a server that stays frozen is given up, and followed again when it is back', async t => {
  const { server, feed, told } = await open(t)
  await server.freeze()
  t.ok(await eventually(() => feed.stats().gaps === 1, 10 * HEARTBEAT_MS))
  await server.resume()
  t.ok(await eventually(() => isTrusted(feed)))
  t.strictSame(told, ['everything', 'everything', 'everything'])
})

t.test(
  'what changes behind a network that is cut is trusted for a heartbeat at most, and told before trust is back',
  async t => {
    const server = await startRedis()
    const proxy = await startFaultProxy(server.url)
    t.teardown(async () => {
      proxy.stop()
      await server.stop()
    })
    for (const direction of [proxy.toClient, proxy.toServer]) {
      const { feed, keyspace, told } = await openFeed(t, { url: proxy.url }, { heartbeatMs: HEARTBEAT_MS })
      t.ok(await eventually(() => isTrusted(feed)))
      await sleep(Math.random() * HEARTBEAT_MS)
      direction.freeze()
      await server.cli('SET', `${keyspace}:~s:a`, '')
      const acknowledgedMs = performance.now()
      await sleep(2 * HEARTBEAT_MS)
      t.ok(told.includes(`slot ${keyspace}:a`) || feed.trustedUntilMs <= acknowledgedMs + HEARTBEAT_MS)
      direction.resume()
      t.ok(await eventually(() => isTrusted(feed)))
      t.strictSame(told, ['everything', `slot ${keyspace}:a`])
      await feed.close()
    }
  }
)

t.test('a server that is restarted is followed again', async t => {
  const { server, feed, keyspace, told } = await open(t)
  await server.restart()
  t.ok(await eventually(() => feed.stats().gaps === 1 && isTrusted(feed)))
  await server.cli('SET', `${keyspace}:~s:a`, '')
  t.ok(await feed.barrier())
  t.equal(told.at(-1), `slot ${keyspace}:a`)
})

t.test('a server that is not there is waited for, which is logged once', async t => {
  const { server, feed, log } = await open(t)
  await server.stop()
  await sleep(2_500)
  t.equal(log.length, 2, 'however many attempts have failed')
  await server.restart()
  t.ok(await eventually(() => isTrusted(feed)))
})

t.test('a master that is demoted without hanging up ends the trust until it is one again', async t => {
  const other = await startRedis()
  t.teardown(() => other.stop())
  const { server, feed, told, log } = await open(t)
  await server.cli('REPLICAOF', other.host, String(other.port))
  const demotedMs = performance.now()
  t.ok(await eventually(() => !isTrusted(feed)))
  t.ok(performance.now() - demotedMs <= HEARTBEAT_MS)
  t.ok(await eventually(() => feed.stats().gaps === 1))
  t.notOk(await feed.barrier())
  await sleep(3 * HEARTBEAT_MS)
  t.notOk(isTrusted(feed))
  await server.cli('REPLICAOF', 'NO', 'ONE')
  t.ok(await eventually(() => isTrusted(feed)))
  t.strictSame(
    told.filter(what => what !== 'everything'),
    []
  )
  t.match(log[1], ['warn', { reason: 'replica' }])
})

t.test('a client whose connection is lost costs no gap: what it leads to is asked again', async t => {
  const { server, feed, client, told } = await open(t)
  const id = await client.client('ID')
  await server.cli('CLIENT', 'KILL', 'ID', String(id))
  t.ok(await eventually(async () => (await client.ping().catch(() => '')) === 'PONG'))
  await sleep(2 * HEARTBEAT_MS)
  t.ok(isTrusted(feed))
  t.strictSame(told, ['everything'])
})

t.test('a client that cannot be asked ends the trust within a heartbeat', async t => {
  const { feed, client } = await open(t)
  client.disconnect()
  t.ok(await eventually(() => !isTrusted(feed), 2 * HEARTBEAT_MS))
  await client.connect()
  t.ok(await eventually(() => isTrusted(feed)))
  t.equal(feed.stats().gaps, 0)
})

t.test('tracking that is refused gives way to what stores publish, once everybody knows that they must', async t => {
  const modes: string[] = []
  const { server, feed, keyspace, told, log } = await openAs(t, ['-client|tracking'], mode => {
    modes.push(`${mode}, ${told.length}`)
  })
  t.ok(await eventually(() => isTrusted(feed)))
  t.strictSame(modes, ['pubsub, 0'], 'before the trust')
  t.match(feed.stats(), { mode: 'pubsub', gaps: 0 })
  await server.cli('SET', `${keyspace}:~s:a`, 'by a stranger')
  await server.cli('PUBLISH', `${keyspace}:~i`, `${keyspace}:~s:b`)
  await server.cli('PUBLISH', `${keyspace}:~i`, `${keyspace}:~g:tag`)
  await server.cli('PUBLISH', `${keyspace}:~i`, 'nonsense')
  t.ok(await feed.barrier())
  t.strictSame(told, ['everything', `slot ${keyspace}:b`, 'generation tag'])
  await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
  t.ok(await eventually(() => feed.stats().gaps === 1 && isTrusted(feed)))
  t.strictSame(modes, ['pubsub, 0'], 'told once')
  t.equal(log.filter(([, , message]) => /refuses CLIENT TRACKING/.test(message)).length, 1)
})

t.test('a channel of the server that is refused counts as tracking that is', async t => {
  const { feed } = await openAs(t, ['resetchannels', '&*:~i'])
  t.ok(await eventually(() => isTrusted(feed)))
  t.equal(feed.stats().mode, 'pubsub')
})

t.test('without tracking and channel, or without leave to publish, the feed is never trusted', async t => {
  for (const rules of [
    ['-client|tracking', 'resetchannels'],
    ['-client|tracking', '-publish']
  ]) {
    const modes: string[] = []
    const { feed, log, told } = await openAs(t, rules, mode => void modes.push(mode))
    t.ok(await eventually(() => modes.at(-1) === 'none'))
    t.equal(feed.stats().mode, 'none')
    await sleep(2 * HEARTBEAT_MS)
    t.notOk(isTrusted(feed))
    t.notOk(await feed.barrier())
    t.strictSame(told, [])
    t.equal(log.filter(([, , message]) => /nothing is kept in memory/.test(message)).length, 1)
  }
})

t.test('a feed that does not tell of a change made for the purpose is not trusted, and says why', async t => {
  const { feed, log } = await openAs(t, ['-eval', '-evalsha'])
  t.ok(await eventually(() => log.length > 0))
  t.match(log, [['warn', { reason: 'unproven', error: /NOPERM/ }, /not hearing/]])
  await sleep(2 * HEARTBEAT_MS)
  t.notOk(isTrusted(feed))
  t.equal(log.length, 1)
})

t.test('logs hold no key and no password', async t => {
  const { server, log } = await openAs(t, ['-client|tracking'])
  t.ok(await eventually(() => log.length > 1))
  await server.cli('ACL', 'SETUSER', 'app', 'resetpass', '>other')
  await server.cli('CLIENT', 'KILL', 'USER', 'app')
  t.ok(await eventually(() => log.length > 2))
  t.notMatch(JSON.stringify(log), /hunter2|~s|~g/)
})

async function open(t: Test) {
  const server: RedisServer = await startRedis()
  t.teardown(() => server.stop())
  const opened = await openFeed(t, { url: server.url }, { heartbeatMs: HEARTBEAT_MS })
  t.ok(await eventually(() => isTrusted(opened.feed)))
  return { server, ...opened }
}

/** As a user who may do everything but what `rules` say. */
async function openAs(t: Test, rules: string[], onModeChange: (mode: string) => void = () => {}) {
  const server: RedisServer = await startRedis()
  t.teardown(() => server.stop())
  await server.cli('ACL', 'SETUSER', 'app', 'on', '>hunter2', '~*', '&*', '+@all', ...rules)
  const redis = { username: 'app', password: 'hunter2' }
  return { server, ...(await openFeed(t, { url: server.url, redis }, { heartbeatMs: HEARTBEAT_MS, onModeChange })) }
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
