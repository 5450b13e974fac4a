/**
 * `npm test`: everything that must hold before a commit lands. A line for each check, the whole output of those that
 * fail, and last `N passed, N failed`: checks and test assertions together. Names as arguments run just those checks.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { root } from './check/public-packages.ts'
import { runSteps, type Step, type StepResult } from './check/run-steps.ts'
import { countAssertions, findDoubt, withoutPassedFiles } from './check/tap-output.ts'

const STEP_TIMEOUT_MS = 540_000
const tarballs = mkdtempSync(join(tmpdir(), 'dashtam-check-'))

const checks: readonly Step[] = [
  { name: 'build', command: ['turbo', 'run', 'build', '--output-logs=errors-only'] },
  { name: 'lint', command: ['biome', 'check', '--colors=off', '--error-on-warnings'] },
  { name: 'types', command: ['tsc', '-p', 'tsconfig.json', '--pretty', 'false'] },
  { name: 'type tests', command: ['tstyche'] },
  { name: 'generated docs', command: ['node', '--conditions=@dashtam/source', 'scripts/generate-docs.ts', '--check'] },
  { name: 'doc links', command: ['remark', '.', '--quiet', '--frail', '--no-stdout', '--no-color'] },
  { name: 'dependency rules', command: ['depcruise', 'packages', 'apps', '--output-type', 'err-long'] },
  { name: 'unused code', command: ['knip', '--no-progress', '--no-config-hints'] },
  { name: 'pack', command: ['node', 'scripts/check/pack.ts', tarballs], needs: ['build'] },
  { name: 'published files', command: ['node', 'scripts/check/published.ts', tarballs], needs: ['pack'] },
  { name: 'packages installed', command: ['node', 'scripts/check/consumers.ts', tarballs], needs: ['pack'] },
  // What apps cover is not judged, and what tries a million things is many times slower while it is watched. Before those
  // that are covered: tap keeps one report.
  tests('tests uncovered', { files: ['apps/*/test/*.ts', 'packages/*/test/uncovered/*.ts'], covers: false }),
  tests('tests', { files: ['packages/*/test/*.ts', 'scripts/test/*.ts'], covers: true }),
  {
    name: 'coverage',
    command: ['node', '--disable-warning=ExperimentalWarning', 'scripts/check/coverage.ts'],
    needs: ['tests']
  }
]

function tests(name: string, { files, covers }: { readonly files: readonly string[]; readonly covers: boolean }): Step {
  return {
    name,
    command: [
      'tap',
      ...files,
      // They wait for servers for about half of their time.
      `--jobs=${2 * availableParallelism()}`,
      '--reporter=tap',
      '--fail-only',
      covers ? '--coverage-report=json-summary' : '--disable-coverage'
    ],
    alone: true,
    verify: output => findDoubt(output, covers),
    digest: withoutPassedFiles
  }
}

const steps = chosen(process.argv.slice(2))
const startedMs = performance.now()
try {
  const results = await runSteps(steps, {
    cwd: root,
    env: {
      ...process.env,
      PATH: [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter),
      NO_COLOR: '1',
      TURBO_TELEMETRY_DISABLED: '1'
    },
    timeoutMs: STEP_TIMEOUT_MS,
    report
  })
  close(results)
} finally {
  rmSync(tarballs, { recursive: true, force: true })
}

/** The checks named, with those they need. */
function chosen(names: readonly string[]): readonly Step[] {
  const unknown = names.filter(name => !checks.some(check => check.name === name))
  if (unknown.length > 0) {
    const known = checks.map(check => `'${check.name}'`).join(', ')
    throw new TypeError(`no check is called '${unknown.join("', '")}'; there are ${known}`)
  }
  if (names.length === 0) return checks
  const wanted = new Set(names)
  for (const check of checks.toReversed())
    if (wanted.has(check.name)) for (const need of check.needs ?? []) wanted.add(need)
  return checks.filter(check => wanted.has(check.name))
}

function report({ step, outcome, output, seconds }: StepResult): void {
  console.log(`${outcome.padEnd(8)} ${step.name.padEnd(20)} ${seconds.toFixed(1).padStart(6)} s`)
  if (outcome !== 'ok') console.log((step.digest?.(output) ?? output).replace(/^/gm, '    '))
}

function close(results: readonly StepResult[]): void {
  let passed = 0
  let failed = 0
  for (const { step, outcome, output } of results) {
    if (outcome === 'ok') passed++
    else failed++
    if (!step.name.startsWith('tests')) continue
    const assertions = countAssertions(output)
    passed += assertions.passed
    failed += assertions.failed
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0)
  console.log(`\n${results.length} checks in ${seconds} s; counting them and the assertions of the tests:`)
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
}
