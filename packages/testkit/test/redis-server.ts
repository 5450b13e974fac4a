import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { randomPrefix, sharedRedisUrl, startRedis } from '@dashtam/testkit'
import { Redis } from 'ioredis'
import t from 'tap'
import { withFreePorts } from '../src/free-port.ts'
import { until } from '../src/until.ts'

t.test('startRedis() gives a server of its own that answers and saves nothing', async t => {
  await using redis = await startRedis({ args: ['--maxmemory', '10mb'] })
  t.equal(redis.url, `redis://127.0.0.1:${redis.port}`)
  t.equal(await redis.cli('PING'), 'PONG')
  t.equal(await redis.cli('CONFIG', 'GET', 'maxmemory'), 'maxmemory\n10485760', 'more arguments reach the server')
  t.equal(await redis.cli('CONFIG', 'GET', 'save'), 'save\n')
  if (redis.pid !== undefined) t.match(await redis.cli('INFO', 'server'), `process_id:${redis.pid}`)
})

t.test('startRedis() refuses a port that is none, and reports one that is taken', async t => {
  for (const port of [0, 65_536, 1.5, Number.NaN]) {
    await t.rejects(startRedis({ port }), new TypeError(`port is ${port}, expected an integer from 1 to 65535`))
  }
  await using redis = await startRedis()
  await t.rejects(startRedis({ port: redis.port }), /already (in use|allocated)/i)
})

t.test('stop(), kill() and restart() keep the port and lose the keys, in any order', async t => {
  await using redis = await startRedis()
  const { port } = redis
  await redis.cli('SET', 'key', 'value')
  await redis.restart()
  t.equal(await redis.cli('GET', 'key'), '')

  await redis.stop()
  await redis.stop()
  await redis.kill()
  t.equal(redis.pid, undefined)
  await t.rejects(redis.cli('PING'))
  await redis.restart()
  await redis.kill()
  await t.rejects(redis.freeze(), /is not running/)
  await redis.restart()
  t.equal(redis.port, port)
  t.equal(await redis.cli('PING'), 'PONG')
})

t.test('stop() ends in good order, and kill() does not', async t => {
  await using redis = await startRedis({ args: ['--save', '3600 1000'] })
  await redis.cli('SET', 'stopped', 'saved')
  await redis.stop()
  await redis.restart()
  await redis.cli('SET', 'killed', 'lost')
  await redis.kill()
  await redis.restart()
  t.equal(await redis.cli('MGET', 'stopped', 'killed'), 'saved\n')
})

t.test('freeze() holds the answers and keeps the connections until resume()', async t => {
  await using redis = await startRedis()
  const client = new Redis(redis.url, { commandTimeout: 100, maxRetriesPerRequest: 0 })
  t.teardown(() => client.disconnect())
  await client.set('key', 'value')
  await redis.freeze()
  await t.rejects(client.get('key'), /timed out/)
  await redis.resume()
  t.equal(await client.get('key'), 'value')
})

t.test('stop() ends a frozen server at once', async t => {
  await using redis = await startRedis()
  await redis.freeze()
  const startedAtMs = performance.now()
  await redis.stop()
  t.ok(performance.now() - startedAtMs < 1_500, 'without waiting until it is killed')
  await t.rejects(redis.cli('PING'))
})

t.test('cli() rejects with the error of the server, without the arguments', async t => {
  await using redis = await startRedis()
  await redis.cli('SET', 'text', 'one\ntwo\n')
  t.equal(await redis.cli('GET', 'text'), 'one\ntwo\n', 'only the newline of redis-cli is taken off')
  const failure = await redis.cli('INCR', 'text').catch((error: Error) => error.message)
  t.equal(failure, 'redis-cli failed: ERR value is not an integer or out of range')
})

t.test('sharedRedisUrl() gives one server to the whole process', async t => {
  const url = await sharedRedisUrl()
  t.equal(await sharedRedisUrl(), url)
  const client = new Redis(url)
  t.teardown(() => client.disconnect())
  const key = `${randomPrefix()}:key`
  t.equal(await client.set(key, 'value'), 'OK')
  t.equal(await client.del(key), 1)
})

t.test('randomPrefix() gives a different keyspace each time', async t => {
  const prefix = randomPrefix()
  t.match(prefix, /^[A-Za-z0-9_.-]{1,64}$/)
  t.not(randomPrefix(), prefix)
})

t.test('withFreePorts() tries other ports when some are taken meanwhile, and nothing else', async t => {
  const tried: (readonly number[])[] = []
  const result = await withFreePorts(2, async ports => {
    tried.push(ports)
    if (tried.length === 1) throw new Error('bind: Address already in use')
    return 'started'
  })
  t.equal(result, 'started')
  t.equal(new Set(tried.flat()).size, 4)
  t.ok(
    tried.flat().every(port => port + 10_000 < 32_768),
    'below the range of outgoing connections'
  )

  let attempts = 0
  const fail = (message: string) => () => {
    attempts++
    return Promise.reject(new Error(message))
  }
  await t.rejects(withFreePorts(1, fail('out of memory')), /out of memory/)
  t.equal(attempts, 1)
  await t.rejects(withFreePorts(1, fail('port is already allocated')), /already allocated/)
  t.equal(attempts, 6, 'it gives up after the fifth')
})

for (const end of ['exit', 'wait'] as const) {
  const title = end === 'exit' ? 'let their process end by itself' : 'end when their process is killed'
  t.test(`private servers ${title}, and leave nothing behind`, async t => {
    const folder = await mkdtemp(join(tmpdir(), 'dashtam-test-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    await chmod(folder, 0o1777) // as /tmp is: PostgreSQL does not run as root
    const script = join(import.meta.dirname, 'fixtures', 'owner.ts')
    // Under tap's own loaders: natively stripped sources have other offsets, which spoils the coverage of all.
    const owner = spawn(process.execPath, [...process.execArgv, script, end], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const ended = once(owner, 'exit')
    if (end === 'wait') {
      await once(owner.stdout, 'readable')
      owner.kill('SIGKILL')
    }
    const ports: number[] = JSON.parse(await text(owner.stdout))
    t.strictSame(await ended, end === 'exit' ? [0, null] : [null, 'SIGKILL'])
    t.ok(ports.length >= 3)
    await until('every port is closed', async () => {
      const open = await Promise.all(ports.map(isListening))
      return !open.includes(true)
    })
    await until('every directory is gone', async () => !(await readdir(folder)).some(isOurs))
  })
}

const isOurs = (name: string) => name.startsWith('dashtam-')

function isListening(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
