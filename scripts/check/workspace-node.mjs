/**
 * Fails when the workspace's own Node is not the one that runs: it is an optional dependency, so an install that could
 * not get it falls back to the host's in silence. Plain JavaScript, because an older Node has to understand it.
 */
import { readFileSync } from 'node:fs'

const settings = readFileSync(new URL('../../pnpm-workspace.yaml', import.meta.url), 'utf8')
const wanted = settings.match(/^nodeVersion: (\S+)$/m)?.[1]
if (process.versions.node !== wanted) {
  console.error(
    `Node ${process.versions.node} is running, the workspace's is ${wanted}: install the dependencies again.`
  )
  process.exit(1)
}
