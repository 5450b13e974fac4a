import { execFile } from 'node:child_process'
import { chown, mkdtemp, readdir, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { withFreePorts } from './free-port.ts'
import { findOnPath, isExecutable } from './on-path.ts'
import { startProgram } from './owned-program.ts'

const run = promisify(execFile)

/** Where Debian keeps them, a folder for each version, off `PATH`. */
const DEBIAN_VERSIONS = '/usr/lib/postgresql'

/** Tests do not outlive a power cut, so nothing waits for the disk. */
const SETTINGS = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'unix_socket_directories=']

/** The folder of PostgreSQL's server programs: those on `PATH`, else the newest of Debian's, else `undefined`. */
export async function findPostgresPrograms(debianVersions = DEBIAN_VERSIONS): Promise<string | undefined> {
  const initdb = await findOnPath('initdb')
  const versions = await readdir(debianVersions).catch(() => [])
  const newestFirst = versions
    .sort((a, b) => Number(b) - Number(a))
    .map(version => join(debianVersions, version, 'bin'))
  const folders = initdb ? [dirname(await realpath(initdb)), ...newestFirst] : newestFirst
  for (const folder of folders) {
    if ((await isExecutable(join(folder, 'initdb'))) && (await isExecutable(join(folder, 'postgres')))) return folder
  }
  return undefined
}

/**
 * Starts a private server from the programs in `folder`; it lives as long as this process.
 *
 * @returns the URL of its maintenance database.
 */
export async function startPostgres(folder: string): Promise<string> {
  const user = await serverUser()
  return withFreePorts(1, async ([port = 0]) => {
    const directory = await mkdtemp(join(tmpdir(), 'dashtam-postgres-'))
    if (user) await chown(directory, user.uid, user.gid)
    const data = join(directory, 'data')
    const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
    await run(join(folder, 'initdb'), initdb, { cwd: directory, ...user })
    await startProgram({
      command: join(folder, 'postgres'),
      args: ['-D', data, '-h', '127.0.0.1', '-p', String(port), ...SETTINGS.flatMap(setting => ['-c', setting])],
      directory,
      readyPattern: /database system is ready to accept connections/,
      endSignal: 'SIGQUIT', // SIGKILL would leave its shared memory behind
      user
    })
    return `postgres://postgres@127.0.0.1:${port}/postgres`
  })
}

/** PostgreSQL refuses to run as root: then it runs as the user that its package makes. */
async function serverUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const id = async (option: string) => Number((await run('id', [option, 'postgres'])).stdout)
  return { uid: await id('-u'), gid: await id('-g') }
}
