// The conformance suite itself: its options, and the examples of its README under the runners that they are written for.
import { execFile } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ConformanceOptions, cacheConformance } from '@dashtam/cache-conformance'
import { InMemoryCache, type InMemoryCacheOptions } from '@dashtam/cache-memory'
import t from 'tap'

const folder = join(import.meta.dirname, '..')
const readme = readFileSync(join(folder, '../conformance/README.md'), 'utf8')
const examples = Array.from(readme.matchAll(/^```ts\n(import .*?)^```$/gms), match => match[1] ?? '')

/** What the examples are broken with, to see red. */
const BROKEN = `class Broken extends InMemoryCache {
  take(key) {
    return this.get(key)
  }
}
`

const titles: string[] = []
cacheConformance({ test: title => titles.push(title), create: options => new InMemoryCache(options) })

t.test('cacheConformance() registers tests of different titles', async t => {
  t.equal(new Set(titles).size, titles.length)
  t.ok(
    titles.every(title => /^\w+\(\) /.test(title)),
    'which begin with the operation'
  )
})

t.test(
  'cacheConformance() leaves out scan() when it is told to, and otherwise misses one that is not there',
  async t => {
    const create = (options: InMemoryCacheOptions) => Object.assign(new InMemoryCache(options), { scan: undefined })
    const told: string[] = []
    cacheConformance({ test: title => told.push(title), create, supports: { scan: false } })
    t.strictSame(
      told,
      titles.filter(title => !title.startsWith('scan()'))
    )
    const untold = new Map<string, () => Promise<void>>()
    cacheConformance({ test: (title, run) => untold.set(title, run), create })
    await t.rejects(
      async () => untold.get('scan() may be left early')?.(),
      /has no scan\(\); if that is meant to be so, say `supports: { scan: false }`/
    )
  }
)

t.test('cacheConformance() refuses options that are none, by name', async t => {
  const good = { test: () => {}, create: (options: InMemoryCacheOptions) => new InMemoryCache(options) }
  const wrong: [options: object, message: string][] = [
    [{ ...good, test: undefined }, 'test must be a function, got undefined'],
    [{ ...good, create: {} }, 'create must be a function, got object'],
    [{ ...good, advance: 5 }, 'advance must be a function, got number'],
    [{ ...good, clock: () => 0 }, "unknown option 'clock'"]
  ]
  for (const [options, message] of wrong) {
    t.throws(() => cacheConformance(options as ConformanceOptions), { name: 'TypeError', message })
  }
})

for (const [runner, code] of Object.entries({ 'node:test': examples[0], tap: examples[1] })) {
  t.test(`cacheConformance() under ${runner} passes for a good cache and fails for a broken one`, async t => {
    if (code === undefined) return t.fail('the README has an example')
    t.ok(code.includes(`from '${runner}'`))
    const broken = code
      .replace('cacheConformance({', `${BROKEN}\ncacheConformance({`)
      .replace('new InMemoryCache(', 'new Broken(')
    const [good, bad] = await Promise.all([run(`${runner}-good`, code), run(`${runner}-broken`, broken)])
    t.strictSame(good, { exitCode: 0, passed: titles, failed: [] })
    t.not(bad.exitCode, 0)
    t.ok(bad.failed.length >= 2)
    t.ok(bad.failed.every(title => title.startsWith('take()')))
    t.strictSame([...bad.passed, ...bad.failed].sort(), titles.toSorted())
  })
}

/** Runs an example as a file of its own, beside this package so that its imports are found, and reads its TAP. */
async function run(name: string, code: string) {
  const file = join(folder, `${name.replace(':', '-')}.tmp.mjs`)
  writeFileSync(file, code)
  try {
    const args = ['--conditions=@dashtam/source', '--test-reporter=tap', file]
    // Sources whose types Node strips have other offsets than those that tap compiles; its coverage would mix them up.
    const env = { PATH: process.env.PATH, _TAPJS_PROCESSINFO_COVERAGE_: '0' }
    const { exitCode, stdout } = await new Promise<{ exitCode: unknown; stdout: string }>(resolve =>
      execFile(process.execPath, args, { env, timeout: 60_000 }, (error, stdout) =>
        resolve({ exitCode: error === null ? 0 : error.code, stdout })
      )
    )
    return { exitCode, passed: titlesOf(stdout, 'ok'), failed: titlesOf(stdout, 'not ok') }
  } finally {
    rmSync(file)
  }
}

function titlesOf(tap: string, point: 'ok' | 'not ok'): string[] {
  const lines = tap.matchAll(new RegExp(`^${point} \\d+ - (.*?)(?: # time=.*)?$`, 'gm'))
  return Array.from(lines, ([, title = '']) => title.replace(/\\(.)/g, '$1'))
}
