import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StartupError } from '../startup-error.ts'

const LOCK_FILE = 'demo.pid'

/**
 * Takes a folder for this process, because an embedded database is ruined by two processes in it. The lock of a process
 * that is gone is taken over.
 *
 * @returns what gives the folder back.
 * @throws StartupError when another process uses the folder, or nobody can.
 */
export function takeDataFolder(folder: string): () => void {
  const lock = join(folder, LOCK_FILE)
  try {
    mkdirSync(folder, { recursive: true })
    const owner = ownerOf(lock)
    if (owner !== undefined && isAlive(owner)) throw inUse(folder, lock, owner)
    rmSync(lock, { force: true })
    writeFileSync(lock, `${process.pid}\n`, { flag: 'wx' })
  } catch (error) {
    if (error instanceof StartupError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new StartupError(`DATA_DIR: the folder ${folder} cannot be used: ${reason}`)
  }
  return () => rmSync(lock, { force: true })
}

function ownerOf(lock: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(lock, 'utf8'), 10)
    // Our own number is left over from a process that had it before, as the first process of every container has.
    return Number.isNaN(pid) || pid === process.pid ? undefined : pid
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It is there, but belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function inUse(folder: string, lock: string, pid: number): StartupError {
  return new StartupError(
    `DATA_DIR: the folder ${folder} is in use by process ${pid}, and an embedded database serves one process only. ` +
      'Stop that process, give this one another DATA_DIR, or let both use one PostgreSQL with DATABASE_URL. ' +
      `If process ${pid} is not the demo, delete ${lock}.`
  )
}
