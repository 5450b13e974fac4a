import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartupError } from '../startup-error.ts'

const LOCK_FILE = 'demo.pid'

/** One that has just been told to end may need this long. */
const PATIENCE_MS = 1_000
/** Two that find a folder free at the same time both write their lock within this time. */
const SETTLE_MS = 50

/**
 * Takes a folder for this process, because an embedded database is ruined by two processes in it. The lock of a process
 * that is gone is taken over.
 *
 * @returns what gives the folder back.
 * @throws StartupError when another process uses the folder, or nobody can.
 */
export async function takeDataFolder(folder: string): Promise<() => void> {
  const lock = join(folder, LOCK_FILE)
  const untilMs = performance.now() + PATIENCE_MS
  try {
    mkdirSync(folder, { recursive: true })
    for (let owner = ownerOf(lock); owner !== undefined && isAlive(owner); owner = ownerOf(lock)) {
      if (performance.now() > untilMs) throw inUse(folder, lock, owner)
      await sleep(50)
    }
    writeFileSync(lock, `${process.pid}\n`)
    await sleep(SETTLE_MS)
    const later = ownerOf(lock)
    if (later !== undefined) throw inUse(folder, lock, later)
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
    return pid > 0 && pid !== process.pid ? pid : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !isZombie(pid)
  } catch (error) {
    // It is there, but belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Whether it has ended and only its parent has not noticed: the state in proc(5), so on Linux alone. */
function isZombie(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

function inUse(folder: string, lock: string, pid: number): StartupError {
  return new StartupError(
    `DATA_DIR: the folder ${folder} is in use by process ${pid}, and an embedded database serves one process only. ` +
      'Stop that process, give this one another DATA_DIR, or let both use one PostgreSQL with DATABASE_URL. ' +
      `If process ${pid} is not the demo, delete ${lock}.`
  )
}
