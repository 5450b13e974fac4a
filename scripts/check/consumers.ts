/**
 * Installs the tarballs in the folder given, and nothing of the workspace, into an empty project, and uses them as an
 * ES module, as CommonJS and in TypeScript: every export is imported and required, and `scripts/consumers/<folder>.ts`,
 * checked and compiled against the published types, does something real with each package.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { type PublicPackage, publicPackages, readManifest, root, tarballName } from './public-packages.ts'

const [tarballs = '.'] = process.argv.slice(2)
const packages = publicPackages()
const project = mkdtempSync(join(tmpdir(), 'dashtam-consumer-'))
try {
  install()
  for (const type of ['module', 'commonjs']) {
    const folder = join(project, type)
    compile(folder, type)
    writeFileSync(join(folder, 'use-all.js'), type === 'module' ? importAll() : requireAll())
    run('node', ['use-all.js'], folder)
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  rmSync(project, { recursive: true, force: true })
}

/** The packages from their tarballs, their peers in the versions that the workspace tests with. */
function install(): void {
  const dependencies: Record<string, string> = { '@types/node': installedVersion('.', '@types/node') }
  for (const { folder, manifest } of packages) {
    dependencies[manifest.name] = `file:${resolve(tarballs, tarballName(manifest))}`
    for (const peer of Object.keys(manifest.peerDependencies ?? {})) {
      dependencies[peer] = installedVersion(`packages/${folder}`, peer)
    }
  }
  writeJson(join(project, 'package.json'), { private: true, dependencies })
  // Linked: a package finds what it declares and nothing that another one happened to bring.
  const options = ['--install-strategy=linked', '--no-package-lock', '--ignore-scripts', '--prefer-offline']
  run('npm', ['install', ...options, '--no-audit', '--no-fund'], project)
}

function installedVersion(folder: string, dependency: string): string {
  return readManifest(join(root, folder, 'node_modules', dependency, 'package.json')).version
}

/** Type-checks the consumers as a project of this `type` and writes JavaScript beside them. */
function compile(folder: string, type: string): void {
  mkdirSync(folder)
  writeJson(join(folder, 'package.json'), { type })
  writeJson(join(folder, 'tsconfig.json'), {
    compilerOptions: { module: 'nodenext', target: 'es2023', strict: true, types: ['node'], rootDir: '.' },
    include: ['*.ts']
  })
  for (const { folder: name } of packages) {
    const source = join(root, `scripts/consumers/${name}.ts`)
    if (!existsSync(source))
      throw new Error(`scripts/consumers/${name}.ts is missing: a function use() that needs the package`)
    cpSync(source, join(folder, `${name}.ts`))
  }
  run('tsc', ['-p', '.', '--pretty', 'false'], folder)
}

function importAll(): string {
  return [
    `import assert from 'node:assert/strict'`,
    ...specifiers().map(
      name => `assert.ok(Object.keys(await import('${name}')).length > 0, '${name} exports nothing')`
    ),
    ...packages.map(({ folder }) => `await (await import('./${folder}.js')).use()`)
  ].join('\n')
}

function requireAll(): string {
  const uses = packages.map(({ folder }) => `  await require('./${folder}.js').use()`)
  return [
    `const assert = require('node:assert/strict')`,
    ...specifiers().map(name => `assert.ok(Object.keys(require('${name}')).length > 0, '${name} exports nothing')`),
    'async function useAll() {',
    ...uses,
    '}',
    'useAll()'
  ].join('\n')
}

/** What a consumer may import: `@scope/name` and `@scope/name/sub`. */
function specifiers(): string[] {
  const ofPackage = ({ manifest }: PublicPackage) =>
    Object.keys(manifest.exports)
      .filter(subpath => subpath !== './package.json')
      .map(subpath => manifest.name + subpath.slice(1))
  return packages.flatMap(ofPackage)
}

function run(file: string, args: readonly string[], cwd: string): void {
  const { status } = spawnSync(file, args, { cwd, stdio: 'inherit', env: { ...process.env, NODE_OPTIONS: '' } })
  if (status !== 0)
    throw new Error(`${file} ${args.join(' ')} failed in ${relative(project, cwd) || 'the empty project'}`)
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`)
}
