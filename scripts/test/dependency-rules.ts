import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'

const ROOT = join(import.meta.dirname, '../..')
const CONFIG = join(ROOT, '.dependency-cruiser.mjs')

type Import = readonly [file: string, specifier: string]

/** For each rule a file that breaks it, and no other, by what it imports. */
const BREAKS: Readonly<Record<string, Import>> = {
  'arrows-of-conformance': ['packages/conformance/src/index.ts', '@dashtam/memory'],
  'arrows-of-keys': ['packages/keys/src/index.ts', '@dashtam/codecs'],
  'arrows-of-codecs': ['packages/codecs/src/index.ts', '@dashtam/rate-limit'],
  'arrows-of-metrics': ['packages/metrics/src/index.ts', '@dashtam/keys'],
  'arrows-of-memory': ['packages/memory/src/index.ts', '@dashtam/metrics'],
  'arrows-of-redis': ['packages/redis/src/index.ts', '@dashtam/memory'],
  'arrows-of-testkit': ['packages/testkit/src/index.ts', '@dashtam/redis'],
  'arrows-of-tiered': ['packages/tiered/src/index.ts', '@dashtam/redis'],
  'arrows-of-config': ['packages/config/src/index.ts', '@dashtam/fastify-cache'],
  'arrows-of-fastify-cache': ['packages/fastify-cache/src/index.ts', '@dashtam/session-cache'],
  'arrows-of-the-domain': ['packages/session-cache/src/index.ts', '@dashtam/redis'],
  'protocol-imports-nobody': ['packages/protocol/src/index.ts', 'node:crypto'],
  'redis-is-loaded-on-demand': ['packages/fastify-cache/src/store.ts', '@dashtam/redis'],
  'packages-do-not-know-apps': ['packages/redis/test/port.ts', '@dashtam/demo'],
  'public-exports-only': ['apps/demo/src/main.ts', '../../../packages/memory/src/private.ts'],
  'tests-stay-out-of-src': ['apps/demo/src/app.ts', '@dashtam/testkit'],
  'no-dev-dependency-in-src': ['packages/keys/src/template.ts', 'tap'],
  'only-redis-knows-redis': ['packages/fastify-cache/src/client.ts', 'ioredis'],
  'only-plugins-know-fastify': ['packages/session-cache/src/session.ts', 'fastify'],
  'app-domain-imports-nobody': ['apps/demo/src/domain/user.ts', '../application/sign-in.ts'],
  'app-application-imports-domain': ['apps/demo/src/application/accounts.ts', '../presentation/routes.ts'],
  'app-application-knows-no-technology': ['apps/demo/src/application/hooks.ts', 'fastify'],
  'app-outer-layers-do-not-meet': ['apps/demo/src/infrastructure/database.ts', '../presentation/routes.ts'],
  'no-cycles': ['packages/memory/src/self.ts', './self.ts'],
  resolvable: ['packages/memory/src/lost.ts', './nowhere.ts']
}

/** Imports that resemble those and are right. */
const ALLOWED: readonly Import[] = [
  ['packages/tiered/src/l1.ts', '@dashtam/memory'],
  ['packages/session-cache/src/keys.ts', '@dashtam/keys'],
  ['packages/session-cache/src/fastify.ts', 'fastify'],
  ['packages/redis/src/client.ts', 'ioredis'],
  ['packages/memory/test/conformance.ts', '@dashtam/conformance'],
  ['packages/keys/test/property.ts', 'tap'],
  ['apps/demo/src/server.ts', '@dashtam/redis'],
  ['apps/demo/src/application/sign-in.ts', '../domain/account.ts'],
  ['apps/demo/src/presentation/routes.ts', '../application/sign-in.ts']
]

const EMPTY_FILES = [
  'packages/memory/src/private.ts',
  'packages/rate-limit/src/index.ts',
  'apps/demo/src/domain/account.ts',
  'apps/demo/src/index.ts'
]

t.test('each rule is broken by the import it forbids, and by no other', async t => {
  const { violations, rules } = cruise(t.testdir())
  const expected = Object.entries(BREAKS).map(([rule, [file]]) => `${rule}: ${file}`)
  t.strictSame(violations.sort(), expected.sort())
  t.strictSame(rules.sort(), Object.keys(BREAKS).sort(), 'a rule without an import that breaks it')
})

/** Makes a workspace of these imports in `folder` and lets dependency-cruiser judge it. */
function cruise(folder: string): { violations: string[]; rules: string[] } {
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  const imports = [...Object.values(BREAKS), ...ALLOWED]
  for (const file of EMPTY_FILES) write(file, 'export {}\n')
  for (const [file, specifier] of imports) write(file, `import '${specifier}'\n`)
  for (const name of ['ioredis', 'fastify', 'tap']) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, main: 'index.js' }))
    write(`node_modules/${name}/index.js`, '')
  }
  mkdirSync(join(folder, 'node_modules/@dashtam'))
  for (const project of new Set(
    imports.map(([file]) => file.split('/').slice(0, 2).join('/')).concat('packages/rate-limit')
  )) {
    const name = project.replace(/^\w+/, '@dashtam')
    write(`${project}/package.json`, JSON.stringify({ name, exports: './src/index.ts', devDependencies: { tap: '*' } }))
    symlinkSync(join(folder, project), join(folder, 'node_modules', name))
  }

  const args = ['packages', 'apps', '--config', CONFIG, '--output-type', 'json']
  const { summary } = JSON.parse(
    execFileSync(join(ROOT, 'node_modules/.bin/depcruise'), args, { cwd: folder, encoding: 'utf8' })
  )
  return {
    violations: summary.violations.map(
      (found: { rule: { name: string }; from: string }) => `${found.rule.name}: ${found.from}`
    ),
    rules: summary.ruleSetUsed.forbidden.map((rule: { name: string }) => rule.name)
  }
}
