import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { startRedis } from '@dashtam/testkit'
import t, { type Test } from 'tap'
import { mayInstallDebianPackages } from '../src/debian.ts'
import { findOnPath } from '../src/on-path.ts'
import { findPostgresPrograms } from '../src/postgres-process.ts'

type Shared = typeof import('../src/shared-redis.ts')
type Find = typeof import('../src/find-redis.ts')
type Postgres = typeof import('../src/find-postgres.ts')

// `.js`: what imports are rewritten to before mockImport sees them.
const noEngine = { '../src/container-engine.ts': { hasContainerEngine: async () => false } }

t.test('sharedRedisUrl() takes TEST_REDIS_URL when a Redis lets us in there, and never another one', async t => {
  await using redis = await startRedis({ args: ['--requirepass', 'sesame'] })
  const url = `redis://:sesame@127.0.0.1:${redis.port}/1`
  setVariables(t, { TEST_REDIS_URL: url })
  const { sharedRedisUrl } = await t.mockImport<Shared>('../src/shared-redis.ts')
  t.equal(await sharedRedisUrl(), url)

  const expected = 'TEST_REDIS_URL is set, but no Redis that lets us in answers there.'
  for (const wrong of [url.replace('sesame', 'simsim'), 'redis://:sesame@127.0.0.1:1', 'sesame']) {
    setVariables(t, { TEST_REDIS_URL: wrong })
    const { sharedRedisUrl } = await t.mockImport<Shared>('../src/shared-redis.ts')
    await t.rejects(sharedRedisUrl(), new Error(expected), 'without its password')
  }
})

t.test('sharedRedisUrl() and startRedis() say in one sentence what to do where there is no Redis', async t => {
  setVariables(t, { PATH: '', CI: undefined, TEST_REDIS_URL: undefined })
  const ways =
    'put redis-server on PATH, start a container engine, or run as root on Debian with CI=true so that its redis-server package is installed.'
  const none = new Error(`The tests need a Redis and there is none: set TEST_REDIS_URL, ${ways}`)
  const find = await t.mockImport<Find>('../src/find-redis.ts', noEngine)
  const { sharedRedisUrl } = await t.mockImport<Shared>('../src/shared-redis.ts', { '../src/find-redis.ts': find })
  await t.rejects(sharedRedisUrl(), none)
  await t.rejects(sharedRedisUrl(), none, 'and again')
  await t.rejects(
    find.openRedisPlace(1),
    new Error(`The tests need Redis servers of their own and none can be started: ${ways}`)
  )
})

const debian = (await withCi(mayInstallDebianPackages)) ? false : 'only root installs packages, and only on Debian'
t.test('openRedisPlace() installs the package of Debian in CI, once for all processes', { skip: debian }, async t => {
  const folder = await programFolder(t, ['flock', 'sh', 'grep', 'dpkg-query'])
  const log = join(folder, 'apt.log')
  const redisServer = await findOnPath('redis-server')
  await program(
    folder,
    'apt-get',
    `echo "$@" >> ${log}; /bin/sleep 0.2; [ "$1" = update ] || /bin/ln -sf ${redisServer} ${folder}/`
  )
  await program(folder, 'dpkg-query', `[ -e ${folder}/redis-server ] && echo install ok installed`)

  setVariables(t, { PATH: folder, CI: 'true' })
  const { openRedisPlace } = await t.mockImport<Find>('../src/find-redis.ts', noEngine)
  await Promise.all([openRedisPlace(1), openRedisPlace(1)])
  t.strictSame((await readFile(log, 'utf8')).trim().split('\n'), [
    'update -q',
    'install -q -y --no-install-recommends redis-server'
  ])
})

t.test('openRedisPlace() tells why the package could not be installed', { skip: debian }, async t => {
  const folder = await programFolder(t, ['flock', 'sh', 'grep'])
  await program(folder, 'apt-get', 'echo "E: no network" >&2; exit 100')
  setVariables(t, { PATH: folder, CI: 'true' })
  const { openRedisPlace } = await t.mockImport<Find>('../src/find-redis.ts', noEngine)
  await t.rejects(openRedisPlace(1), /^apt-get could not install redis-server: E: no network$/)

  await program(folder, 'apt-get', 'exit 0')
  await t.rejects(openRedisPlace(1), /none can be started/, 'a package without the program')
})

t.test('mayInstallDebianPackages() says no where CI does not', async t => {
  setVariables(t, { CI: undefined })
  t.notOk(await mayInstallDebianPackages())
})

t.test('openRedisPlace() prefers a binary to a container', async t => {
  const engine = {
    '../src/container-engine.ts': { hasContainerEngine: async () => true },
    '../src/redis-container.ts': { openContainerPlace: async (count: number) => `containers for ${count}` }
  }
  const { openRedisPlace } = await t.mockImport<Find>('../src/find-redis.ts', engine)
  t.type((await openRedisPlace(6)).start, 'function')
  setVariables(t, { PATH: '' })
  t.equal(await openRedisPlace(6), 'containers for 6')
})

t.test(
  'postgresUrl() takes TEST_DATABASE_URL, a local server, programs, a container, a package, in this order',
  async t => {
    const { Client, machine, postgresUrl } = postgresMachine(t)
    setVariables(t, { TEST_DATABASE_URL: 'postgres://given', CI: undefined })
    Client.letsIn = 'postgres://given'
    t.equal(await postgresUrl(), 'postgres://given')
    setVariables(t, { TEST_DATABASE_URL: 'postgres://me:secret@other' })
    const refused = 'TEST_DATABASE_URL is set, but no PostgreSQL that lets us in answers there.'
    await t.rejects(postgresUrl(), new Error(refused), 'never another one')

    setVariables(t, { TEST_DATABASE_URL: undefined })
    for (const database of ['postgres', 'test']) {
      Client.letsIn = `postgres://postgres@127.0.0.1:5432/${database}`
      t.equal(await postgresUrl(), Client.letsIn)
    }
    Client.letsIn = 'nowhere'
    t.equal(await postgresUrl(), 'started from /programs')
    machine.programs = undefined
    t.equal(await postgresUrl(), 'container')
    machine.hasEngine = false
    t.equal(await postgresUrl(), 'started from /package')

    machine.programs = undefined
    machine.package = undefined
    const expected = /^The tests need a PostgreSQL and there is none: set TEST_DATABASE_URL, .* is installed\.$/
    await t.rejects(postgresUrl(), expected, 'a package without the programs')
    machine.mayInstall = false
    await t.rejects(postgresUrl(), expected)
  }
)

t.test('findPostgresPrograms() finds the newest that is whole, or nothing', async t => {
  const versions = await programFolder(t, [])
  setVariables(t, { PATH: undefined })
  t.equal(await findPostgresPrograms(versions), undefined)
  t.equal(await findPostgresPrograms(join(versions, 'none')), undefined)
  for (const version of ['9', '15', '16']) {
    await mkdir(join(versions, version, 'bin'), { recursive: true })
    await program(join(versions, version, 'bin'), 'initdb', 'exit 0')
    if (version !== '16') await program(join(versions, version, 'bin'), 'postgres', 'exit 0')
  }
  t.equal(await findPostgresPrograms(versions), join(versions, '15', 'bin'))
})

t.test('findPostgresPrograms() looks where initdb really is', async t => {
  const folder = await programFolder(t, [])
  const real = await programFolder(t, [])
  await program(real, 'initdb', 'exit 0')
  await program(real, 'postgres', 'exit 0')
  await symlink(join(real, 'initdb'), join(folder, 'initdb'))
  setVariables(t, { PATH: ['', folder].join(delimiter) })
  t.equal(await findPostgresPrograms(), real)
})

/** A machine with every way to a PostgreSQL; `postgresUrl` looks at it afresh each time. */
function postgresMachine(t: Test) {
  class Client {
    static letsIn = ''
    readonly url: string
    constructor({ connectionString }: { connectionString: string }) {
      this.url = connectionString
    }
    on(): void {}
    async connect(): Promise<void> {
      if (this.url !== Client.letsIn) throw new Error('refused')
    }
    async query(): Promise<void> {}
    async end(): Promise<void> {}
  }
  const machine: {
    programs?: string | undefined
    package?: string | undefined
    hasEngine: boolean
    mayInstall: boolean
  } = { programs: '/programs', package: '/package', hasEngine: true, mayInstall: true }
  const mocks = {
    pg: { Client },
    '../src/postgres-process.ts': {
      findPostgresPrograms: async () => machine.programs,
      startPostgres: async (folder: string) => `started from ${folder}`
    },
    '../src/container-engine.ts': { hasContainerEngine: async () => machine.hasEngine },
    '../src/postgres-container.ts': { startPostgresContainer: async () => 'container' },
    '../src/debian.ts': {
      mayInstallDebianPackages: async () => machine.mayInstall,
      installDebianPackage: async () => {
        machine.programs = machine.package
      }
    }
  }
  const postgresUrl = async () => {
    const fresh = await t.mockImport<Postgres>('../src/find-postgres.ts', mocks)
    return fresh.postgresUrl()
  }
  return { Client, machine, postgresUrl }
}

function setVariables(t: Test, variables: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name]
    t.teardown(() => setVariable(name, before))
    setVariable(name, value)
  }
}

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}

async function withCi<T>(call: () => Promise<T>): Promise<T> {
  const before = process.env.CI
  process.env.CI = 'true'
  const result = await call()
  setVariable('CI', before)
  return result
}

/** A folder with links to those programs of this machine. */
async function programFolder(t: Test, names: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dashtam-path-'))
  t.teardown(() => rm(folder, { recursive: true }))
  for (const name of names) {
    const file = await findOnPath(name)
    if (file) await symlink(file, join(folder, name))
  }
  return folder
}

async function program(folder: string, name: string, script: string): Promise<void> {
  const file = join(folder, name)
  await rm(file, { force: true })
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
}
