/** Looks at every tarball in the folder given as a consumer's tools would: publint (strict) and attw (ESM only). */
import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pLimit from 'p-limit'
import { publicPackages, tarballName } from './public-packages.ts'

const [folder = '.'] = process.argv.slice(2)
const limit = pLimit(availableParallelism())

const runs = publicPackages().flatMap(({ manifest }) => {
  const tarball = join(folder, tarballName(manifest))
  return [
    limit(() => check('publint', [tarball, '--strict'])),
    limit(() => check('attw', [tarball, '--profile', 'esm-only', '--no-color', '--no-emoji']))
  ]
})
const problems = (await Promise.all(runs)).filter(problem => problem !== undefined)
for (const problem of problems) console.error(problem)
process.exitCode = problems.length === 0 ? 0 : 1

async function check(tool: string, args: readonly string[]): Promise<string | undefined> {
  try {
    await promisify(execFile)(tool, args)
    return undefined
  } catch (error) {
    const { message, stdout, stderr } = error as Error & { stdout?: string; stderr?: string }
    return `${message}\n${stdout ?? ''}${stderr ?? ''}`
  }
}
