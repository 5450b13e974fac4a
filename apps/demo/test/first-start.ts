import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startRedis, until } from '@dashtam/testkit'
import t from 'tap'
import { DEMO_USER } from './fixtures/demo.ts'
import { freePort } from './fixtures/free-port.ts'

t.setTimeout(120_000)

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url))

t.test('npm start in a fresh clone serves from Redis within a minute, and ends with Ctrl-C within 5 s', async t => {
  await using redis = await startRedis()
  // What is committed, and not where a workspace above it would lend its packages.
  const clone = mkdtempSync(join(tmpdir(), 'dashtam-clone-'))
  t.teardown(() => rmSync(clone, { recursive: true, force: true }))
  execFileSync('git', ['clone', '--quiet', REPOSITORY, clone])

  const port = await freePort()
  const started = performance.now()
  const npm = spawn('npm', ['start'], {
    cwd: clone,
    env: { HOME: process.env.HOME, PATH: machinePath(), PORT: String(port), CACHE_REDIS_URL: redis.url },
    stdio: 'ignore',
    // A process group of its own, as a terminal gives to each command.
    detached: true
  })
  const { pid } = npm
  t.teardown(() => signal(pid, 'SIGTERM'))

  const address = `http://127.0.0.1:${port}`
  while (npm.exitCode === null && !(await answers(address))) await sleep(100)
  t.equal(npm.exitCode, null)
  const elapsedMs = performance.now() - started
  t.ok(elapsedMs < 60_000, `the first answer came after ${elapsedMs} ms`)

  const { accessToken } = (await post(`${address}/api/v1/sessions`, DEMO_USER)) as { accessToken: string }
  const list = async () => {
    const response = await fetch(`${address}/api/v1/accounts`, { headers: { authorization: `Bearer ${accessToken}` } })
    await response.arrayBuffer()
    return response.headers.get('cache-status')
  }
  t.equal(await list(), 'dashtam; fwd=miss')
  await until('it is cached', async () => (await list()) === 'dashtam; hit')
  const metrics = await (await fetch(`${address}/metrics`)).text()
  t.match(metrics, /^dashtam_cache_reads_total\{namespace="accountsOfUser",result="hit",tier="\w+"\} 1$/m)
  t.match(await redis.cli('KEYS', '*'), /^dashtam:~s:accounts:user:[\w-]+$/m)

  const interrupted = performance.now()
  signal(pid, 'SIGINT')
  await once(npm, 'close')
  while (await answers(address)) await sleep(20)
  t.ok(performance.now() - interrupted < 5_000, `it ended after ${performance.now() - interrupted} ms`)
})

/** The programs of this machine, without those of our own workspace. */
function machinePath(): string {
  const folders = process.env.PATH?.split(delimiter) ?? []
  return folders.filter(folder => !folder.includes('node_modules')).join(delimiter)
}

/** As a terminal does: to the whole process group. */
function signal(pid: number | undefined, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function answers(address: string): Promise<boolean> {
  return (await fetch(`${address}/health`).catch(() => undefined))?.ok === true
}

async function post(url: string, body: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json' }
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).json()
}
