import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTestDatabase, randomPrefix, startRedis } from '@dashtam/testkit'
import t, { type Test } from 'tap'
import { takeDataFolder } from '../src/infrastructure/database/data-folder.ts'
import { DEMO_USER } from './fixtures/demo.ts'
import { freePort } from './fixtures/free-port.ts'
import { openRelay } from './fixtures/relay.ts'
import { runDemo } from './fixtures/run-demo.ts'

t.setTimeout(120_000)

const redis = await startRedis()
const database = await createTestDatabase()
t.teardown(async () => {
  await database.drop()
  await redis.stop()
})
const environment = { DATABASE_URL: database.url, REDIS_URL: redis.url, CACHE_KEY_PREFIX: randomPrefix() }

/** Ends with code 1 and one message for people. */
async function refusesToStart(t: Test, settings: Readonly<Record<string, string>>, message: RegExp): Promise<void> {
  const { code, stdout, stderr } = await runDemo(settings).ended
  t.equal(code, 1)
  t.match(stderr, message)
  t.notMatch(stderr, /^ +at |hunter2/m, 'no stack trace, no secret')
  t.notMatch(stdout, 'Dashtam listens')
}

t.test('a wrong setting is named, without a stack trace', t =>
  refusesToStart(
    t,
    { PORT: 'http', REDIS_URL: 'http://:hunter2@cache' },
    /^Wrong settings:\n {2}PORT must be .*; got "http"\n {2}REDIS_URL must be .*\n$/
  )
)

t.test('a database that is not there is named, without its password', t =>
  refusesToStart(
    t,
    { DATABASE_URL: 'postgres://dashtam:hunter2@127.0.0.1:1/accounts' },
    /^DATABASE_URL: cannot use PostgreSQL at 127\.0\.0\.1:1\/accounts: .*ECONNREFUSED/
  )
)

t.test('a port that is taken is named', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  await refusesToStart(t, { ...environment, PORT: String(port) }, /^HOST, PORT: cannot listen on .*EADDRINUSE/)
})

t.test('a data folder that another process uses is named, with the ways out', async t => {
  const folder = t.testdir()
  // This test's own process, which lives.
  writeFileSync(join(folder, 'demo.pid'), `${process.pid}\n`)
  const message = new RegExp(`^DATA_DIR: .*${folder}.* process ${process.pid}.* DATA_DIR.* DATABASE_URL`)
  await refusesToStart(t, { DATA_DIR: folder }, message)
})

t.test('takeDataFolder() takes a folder over from a process that is gone', async t => {
  const folder = join(t.testdir(), 'not', 'there', 'yet')
  mkdirSync(folder, { recursive: true })
  const gone = runDemo({ PORT: 'http' })
  await gone.ended
  for (const left of [String(gone.process.pid), String(process.pid), 'garbage', '', '0']) {
    writeFileSync(join(folder, 'demo.pid'), left)
    const release = await takeDataFolder(folder)
    t.equal(readFileSync(join(folder, 'demo.pid'), 'utf8'), `${process.pid}\n`)
    release()
    t.throws(() => readFileSync(join(folder, 'demo.pid')), { code: 'ENOENT' })
  }
})

t.test('takeDataFolder() waits for a process that is about to end', async t => {
  const folder = t.testdir()
  const started = performance.now()
  const ending = spawn('sleep', ['0.3'])
  writeFileSync(join(folder, 'demo.pid'), String(ending.pid))
  const release = await takeDataFolder(folder)
  t.ok(performance.now() - started >= 300)
  release()
})

t.test('takeDataFolder() gives a folder to one of two that take it at the same time', async t => {
  const folder = t.testdir()
  const taking = takeDataFolder(folder)
  // As the other one does, which has found the folder free as well: here the parent, which lives.
  writeFileSync(join(folder, 'demo.pid'), String(process.ppid))
  await t.rejects(taking, { message: new RegExp(`in use by process ${process.ppid},`) })
  t.equal(readFileSync(join(folder, 'demo.pid'), 'utf8'), String(process.ppid))
})

t.test('takeDataFolder() says why a folder cannot be used', async t => {
  const file = join(t.testdir({ file: '' }), 'file')
  await t.rejects(takeDataFolder(file), { message: /^DATA_DIR: the folder .*file cannot be used: / })
})

t.test('the demo prints where it listens, what it runs on and what to try', async t => {
  const demo = runDemo({ ...environment, REDIS_URL: redis.url.replace('//', '//:hunter2@') })
  t.teardown(() => demo.process.kill('SIGKILL'))
  const address = await demo.address
  t.match((await fetch(`${address}/health`)).status, 200)
  demo.process.kill()
  const { stdout, stderr } = await demo.ended
  t.match(stdout, `Redis at ${redis.url}`)
  t.match(stdout, `PostgreSQL at ${new URL(database.url).host}/`)
  t.equal(stdout.match(/^ {2}(TOKEN=\$\()?curl /gm)?.length, 3)
  t.notMatch(stdout + stderr, /hunter2/)
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} lets requests under way finish and ends with 0, however often it comes`, async t => {
    // On a busy machine four sign-ins, one after the other, take longer than the default lets them.
    const demo = runDemo({ ...environment, SHUTDOWN_TIMEOUT_MS: '30000' })
    t.teardown(() => demo.process.kill('SIGKILL'))
    const address = await demo.address
    const signIns = Array.from({ length: 4 }, () => signIn(address))
    // By now all of them wait for scrypt, which takes turns.
    await Promise.race(signIns)
    demo.process.kill(signal)
    // Package managers pass on what the terminal has sent to all processes, and add a SIGTERM of their own.
    await sleep(10)
    for (const again of [signal, 'SIGTERM'] as const) demo.process.kill(again)
    t.strictSame(new Set(await Promise.all(signIns)), new Set([201]))
    const answered = performance.now()
    t.match(await demo.ended, { code: 0, signal: null })
    t.ok(performance.now() - answered < 1_000, 'no connection is kept for requests to come')
  })
}

t.test('SIGTERM ends the demo within 5 s, even with Redis frozen and a client that never finishes', async t => {
  const frozen = await startRedis()
  t.teardown(() => frozen.stop())
  const demo = runDemo({ ...environment, REDIS_URL: frozen.url })
  t.teardown(() => demo.process.kill('SIGKILL'))
  const { hostname, port } = new URL(await demo.address)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('error', () => undefined)
  socket.write(
    'POST /api/v1/sessions HTTP/1.1\r\nHost: dashtam\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{'
  )
  await fetch(`${await demo.address}/health`)
  await frozen.freeze()
  const started = performance.now()
  demo.process.kill('SIGTERM')
  const { code } = await demo.ended
  t.equal(code, 0)
  t.ok(performance.now() - started < 5_000, `${performance.now() - started} ms`)
  socket.destroy()
})

t.test('a log that cannot be written is no reason to stop', async t => {
  const port = await freePort()
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const demo = runDemo({ ...environment, PORT: String(port) }, full)
  t.teardown(() => demo.process.kill('SIGKILL'))
  const isUp = async () => (await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined))?.status === 200
  while (demo.process.exitCode === null && !(await isUp())) await sleep(50)
  demo.process.kill('SIGHUP')
  t.match(await demo.ended, { code: 0, stderr: '' })
})

t.test('an outage of the database is logged once, and so is its end', async t => {
  const relay = await openRelay(database.url)
  t.teardown(() => relay.stop())
  const demo = runDemo({ ...environment, DATABASE_URL: relay.url })
  t.teardown(() => demo.process.kill('SIGKILL'))
  const address = await demo.address
  await relay.stop()
  for (let i = 0; i < 3; i++) t.equal(await signIn(address), 503)
  await relay.start()
  for (let i = 0; i < 3; i++) t.equal(await signIn(address), 201)
  demo.process.kill()
  const { stdout } = await demo.ended
  t.equal(stdout.match(/the database does not answer/g)?.length, 1)
  t.equal(stdout.match(/the database answers again/g)?.length, 1)
})

async function signIn(address: string): Promise<number> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${address}/api/v1/sessions`, {
    method: 'POST',
    headers,
    body: JSON.stringify(DEMO_USER)
  })
  await response.arrayBuffer()
  return response.status
}
