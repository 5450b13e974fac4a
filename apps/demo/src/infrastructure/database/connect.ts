import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { Kysely, PGliteDialect, PostgresDialect, sql } from 'kysely'
import { Pool } from 'pg'
import { StartupError } from '../startup-error.ts'
import type { DatabaseMonitor } from './availability.ts'
import { takeDataFolder } from './data-folder.ts'
import type { Database } from './schema.ts'

export interface OpenDatabase {
  readonly db: Kysely<Database>
  /** What it is and where, for people; without credentials. */
  readonly description: string
  close(): Promise<void>
}

/** Opens PostgreSQL inside this process, with its data in `folder`. */
export async function openEmbeddedDatabase(folder: string, monitor: DatabaseMonitor): Promise<OpenDatabase> {
  const release = await takeDataFolder(folder)
  try {
    const pglite = await PGlite.create(join(folder, 'pglite'))
    const db = new Kysely<Database>({ dialect: new PGliteDialect({ pglite }), log: logTo(monitor) })
    const close = async () => {
      await pglite.close()
      release()
    }
    return { db, description: `embedded PostgreSQL in ${folder}`, close }
  } catch (error) {
    release()
    throw new StartupError(
      `DATA_DIR: the database in ${folder} does not open: ${reasonOf(error)}. Delete the folder to start anew.`
    )
  }
}

/** Opens a pool of connections to a PostgreSQL server. */
export async function openServerDatabase(url: string, monitor: DatabaseMonitor): Promise<OpenDatabase> {
  const pool = new Pool({
    connectionString: url,
    application_name: 'dashtam-demo',
    connectionTimeoutMillis: 2_000,
    statement_timeout: 5_000
  })
  // A connection broke that nobody was using.
  pool.on('error', error => monitor.failed(error))
  const db = new Kysely<Database>({
    dialect: new PostgresDialect({ pool }),
    log: logTo(monitor)
  })
  const { host, pathname } = new URL(url)
  try {
    await sql`select 1`.execute(db)
  } catch (error) {
    await pool.end()
    throw new StartupError(`DATABASE_URL: cannot use PostgreSQL at ${host}${pathname}: ${reasonOf(error)}`)
  }
  return { db, description: `PostgreSQL at ${host}${pathname}`, close: () => pool.end() }
}

function logTo(monitor: DatabaseMonitor) {
  return ({ level }: { readonly level: 'query' | 'error' }) => {
    if (level === 'query') monitor.answered()
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // A name with several addresses fails with one error per address, and no message of its own.
  return error.message || String((error as NodeJS.ErrnoException).code)
}
