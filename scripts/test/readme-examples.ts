// What the examples of the READMEs print is what their comments say.
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { sharedRedisUrl } from '../../packages/testkit/src/index.ts'

/** Examples that need an app around them say so by using `app` without making one. */
const isWhole = (code: string) => !code.includes('await app.') || code.includes('Fastify()')

const root = join(import.meta.dirname, '../..')

for (const readme of globSync('packages/*/README.md', { cwd: root }).sort()) {
  const examples = Array.from(
    readFileSync(join(root, readme), 'utf8').matchAll(/^```js\n(.*?)^```$/gms),
    match => match[1] ?? ''
  )
  for (const [index, code] of examples.filter(isWhole).entries()) {
    t.test(`${readme}, example ${index + 1}`, async t => {
      // Beside its package, so that its imports are found.
      const file = join(root, dirname(readme), `example-${index + 1}.tmp.mjs`)
      writeFileSync(file, code.replaceAll('redis://localhost:6379', await sharedRedisUrl()))
      t.teardown(() => rmSync(file))
      const run = spawnSync(process.execPath, ['--conditions=@dashtam/source', file], {
        encoding: 'utf8',
        timeout: 30_000,
        // What an example runs through is not tested by that.
        env: { PATH: process.env.PATH, _TAPJS_PROCESSINFO_COVERAGE_: '0' }
      })
      t.equal(run.stderr, '')
      t.strictSame(run.stdout.trim().split('\n'), expectedLines(code))
    })
  }
}

/** The comment behind each `console.log(…)`; where there is none, the comment lines that follow. */
function expectedLines(code: string): string[] {
  const lines: string[] = []
  let isOutput = false
  for (const line of code.split('\n')) {
    const printed = /^console\.log\(.*\)(?: \/\/ (.*))?$/.exec(line)
    if (printed !== null && printed[1] !== undefined) lines.push(printed[1])
    if (isOutput && line.startsWith('// ')) lines.push(line.slice(3))
    isOutput = (printed !== null && printed[1] === undefined) || (isOutput && line.startsWith('// '))
  }
  return lines
}
