import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createTestDatabase, randomPrefix, startRedis } from '@dashtam/testkit'
import t, { type Test } from 'tap'
import { tableOf } from '../scripts/tour/table.ts'
import { takeTour } from '../scripts/tour/tour.ts'
import { type RunningDemo, runDemo } from '../test/fixtures/run-demo.ts'

t.setTimeout(300_000)

const BROKERAGE = fileURLToPath(new URL('../../brokerage/src/main.ts', import.meta.url))
const TOUR = fileURLToPath(new URL('../scripts/tour.ts', import.meta.url))

const run = (file: string, args: readonly string[], env: Readonly<Record<string, string>>) =>
  spawn(process.execPath, ['--conditions=@dashtam/source', file, ...args], {
    env: { PATH: process.env.PATH, _TAPJS_PROCESSINFO_COVERAGE_: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit']
  })

async function startBrokerage(t: Test): Promise<string> {
  const child = run(BROKERAGE, [], { BROKERAGE_LATENCY_MS: '150' })
  t.teardown(() => end(child))
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  return /http:\S+/.exec(line)?.[0] ?? ''
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill('SIGTERM')
  await closed
}

/** Processes of one service: behind one Redis, over one PostgreSQL. */
async function startInstances(t: Test, count: number) {
  const database = await createTestDatabase()
  const redis = await startRedis()
  const environment = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    CACHE_KEY_PREFIX: randomPrefix(),
    BROKERAGE_URL: await startBrokerage(t),
    // As operators have it.
    RATE_LIMIT_API_PER_MINUTE: ''
  }
  const demos: RunningDemo[] = []
  t.teardown(async () => {
    await Promise.all(demos.map(demo => end(demo.process)))
    await redis.stop()
    await database.drop()
  })
  for (let index = 0; index < count; index++) demos.push(runDemo(environment))
  return { redis, demos, addresses: await Promise.all(demos.map(demo => demo.address)) }
}

async function walk(t: Test, addresses: readonly string[]): Promise<void> {
  const tour = run(TOUR, addresses, {})
  let printed = ''
  tour.stdout.setEncoding('utf8').on('data', text => {
    printed += text
  })
  t.strictSame(await once(tour, 'close'), [0, null])
  t.match(printed, /\d+ steps, all as they should be/)
  t.comment(`\n${printed}`)
}

t.test(
  'pnpm tour goes through a demo that is alone: in memory, with a database and a brokerage of its own',
  async t => {
    const demo = runDemo({ DATA_DIR: t.testdir(), BROKERAGE_URL: '', RATE_LIMIT_API_PER_MINUTE: '' })
    t.teardown(() => end(demo.process))
    await walk(t, [await demo.address])
  }
)

for (const count of [1, 2]) {
  t.test(`pnpm tour goes through ${count} of its processes, and says so`, async t => {
    const { addresses } = await startInstances(t, count)
    await walk(t, addresses)
  })

  t.test(`the tour goes through ${count} when Redis stops half-way, and none of them falls`, async t => {
    const { addresses, redis, demos } = await startInstances(t, count)
    const rows = await takeTour({
      addresses,
      async onStep(step) {
        if (step === 'sync') await redis.stop()
      }
    })
    t.comment(`\n${tableOf(rows)}`)
    t.ok(rows.length >= 25)
    for (const demo of demos) t.equal(demo.process.exitCode, null)
  })
}
