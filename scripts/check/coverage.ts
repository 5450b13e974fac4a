/** Checks tap's last coverage: 95 % of the branches of every package, and a reason beside every comment that ignores code. */
import { globSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { root } from './public-packages.ts'

const MIN_BRANCH_PERCENT = 95

/**
 * Branches of the testkit are the machines a test may find itself on (no Redis, only a container engine, Debian as
 * root, ...), so no single machine takes them all. Its figure is shown and not judged.
 */
const NOT_JUDGED = new Set(['testkit'])

interface FileCoverage {
  readonly branches: { readonly total: number; readonly covered: number }
}

const coverage = readCoverage()
const problems: string[] = []

for (const [folder, files] of Map.groupBy(globSync('packages/*/src/**/*.ts', { cwd: root }).sort(), packageFolder)) {
  const percent = checkPackage(folder, files)
  console.log(`${percent.toFixed(1).padStart(5)} %  ${folder}${NOT_JUDGED.has(folder) ? ' (not judged)' : ''}`)
}
for (const problem of problems) console.error(problem)
process.exitCode = problems.length === 0 ? 0 : 1

function readCoverage(): Readonly<Record<string, FileCoverage>> {
  return JSON.parse(readFileSync(join(root, '.tap/report/coverage-summary.json'), 'utf8'))
}

function packageFolder(file: string): string {
  return file.split('/')[1] ?? file
}

/** The percentage of branches taken; what is wrong goes to `problems`. */
function checkPackage(folder: string, files: readonly string[]): number {
  let total = 0
  let covered = 0
  for (const file of files) {
    const source = readFileSync(join(root, file), 'utf8')
    problems.push(...ignoredWithoutReason(source).map(line => `${file}:${line}: ignores code without saying why`))
    const branches = coverage[join(root, file)]?.branches
    if (branches === undefined && hasCode(source) && !NOT_JUDGED.has(folder)) problems.push(`${file}: no test loads it`)
    total += branches?.total ?? 0
    covered += branches?.covered ?? 0
  }
  const percent = total === 0 ? 100 : (covered / total) * 100
  if (percent < MIN_BRANCH_PERCENT && !NOT_JUDGED.has(folder)) {
    problems.push(
      `packages/${folder}: ${covered} of ${total} branches are covered, at least ${MIN_BRANCH_PERCENT} % should be`
    )
    problems.push(...leastCovered(files))
  }
  return percent
}

function leastCovered(files: readonly string[]): string[] {
  return files.flatMap(file => {
    const branches = coverage[join(root, file)]?.branches
    return branches === undefined || branches.covered === branches.total
      ? []
      : [`    ${file}: ${branches.covered} of ${branches.total}`]
  })
}

/** Whether anything is left to run once the types are gone: a file of types alone is never loaded. */
function hasCode(source: string): boolean {
  const withoutComments = stripTypeScriptTypes(source).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
  return withoutComments.replace(/export\s*\{\s*\};?/g, '').trim() !== ''
}

/** Lines such as `c8 ignore next` whose comment, and the line above it, give no reason. `stop` needs none. */
function ignoredWithoutReason(source: string): number[] {
  const lines = source.split('\n')
  return lines.flatMap((line, index) => {
    const ignored = line.match(/\/\*\s*(?:[cv]8|istanbul|node:coverage) ignore (?!stop)\S+(?:\s+\d+)?(.*?)\*\//)
    if (ignored === null) return []
    const beside = [
      ignored[1],
      line
        .split('*/')
        .at(-1)
        ?.match(/\/\/.*/)?.[0],
      lines[index - 1]?.match(/^\s*\/\/.*/)?.[0]
    ]
    return beside.some(text => /\w+ \w+/.test(text ?? '')) ? [] : [index + 1]
  })
}
