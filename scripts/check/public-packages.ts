import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** The checkout's root; every script works from there, wherever it was started. */
export const root = join(import.meta.dirname, '../..')

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly exports: Readonly<Record<string, unknown>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

export interface PublicPackage {
  /** The folder below `packages/`. */
  readonly folder: string
  readonly manifest: Manifest
}

/** Every package that is published: all below `packages/` that do not call themselves private. */
export function publicPackages(): PublicPackage[] {
  return globSync('packages/*/package.json', { cwd: root })
    .sort()
    .map(path => ({ folder: basename(dirname(path)), manifest: readManifest(join(root, path)) }))
    .filter(({ manifest }) => manifest.private !== true)
}

export function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, 'utf8'))
}

/** The file that `pnpm pack` makes of a package. */
export function tarballName({ name, version }: Manifest): string {
  return `${name.replace('@', '').replace('/', '-')}-${version}.tgz`
}
