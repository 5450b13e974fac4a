// Installs what the demo needs and starts it, from its sources: `npm start`. Runs on whatever Node is there, so it is
// plain JavaScript.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

// Where everything has been installed, installing the demo alone would take the rest away.
const isFullInstall = existsSync(new URL('../node_modules/tap', import.meta.url))
// The sources of the packages look for their peers from their own folders, where those are development dependencies, and
// then in the root.
const demoOnly = ['--prod', '--filter-prod', '@dashtam/demo...', '--public-hoist-pattern=*']
const scope = isFullInstall ? [] : demoOnly

pnpm('install', '--frozen-lockfile', ...scope)
// From here and not from its folder, so that it finds the `.env` that was made from `.env.example`.
pnpm('exec', 'node', '--conditions=@dashtam/source', 'apps/demo/src/main.ts')

function pnpm(...args) {
  const { status } = spawnSync('pnpm', args, { stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}
