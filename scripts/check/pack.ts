/** Packs every public package, as `pnpm publish` would, into the folder given. */
import { spawnSync } from 'node:child_process'
import { publicPackages, root } from './public-packages.ts'

const [destination = '.'] = process.argv.slice(2)
const filters = publicPackages().map(({ manifest }) => `--filter=${manifest.name}`)
const { status } = spawnSync('pnpm', ['-r', ...filters, 'pack', '--pack-destination', destination], {
  cwd: root,
  stdio: 'inherit'
})
process.exitCode = status ?? 1
