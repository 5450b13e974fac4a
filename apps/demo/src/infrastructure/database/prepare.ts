import { type Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { migrations } from './migrations.ts'
import type { Database } from './schema.ts'
import { seed } from './seed.ts'

/** Ours alone: an arbitrary number that no other application on the same database should use. */
const BOOT_LOCK = 7_236_401

/**
 * Brings the database to today's schema and fills an empty one. It is one transaction under one advisory lock: of
 * several instances that start together one does the work, the others wait for it, and one that dies leaves nothing.
 */
export async function prepareDatabase(
  db: Kysely<Database>,
  hashPassword: (password: string) => Promise<string>
): Promise<void> {
  await db.transaction().execute(async transaction => {
    // Waiting for another instance to seed may take longer than a query is allowed to.
    await sql`set local statement_timeout = 0`.execute(transaction)
    await sql`select pg_advisory_xact_lock(${sql.lit(BOOT_LOCK)})`.execute(transaction)
    const provider = { getMigrations: async () => ({ ...migrations }) }
    const { error } = await new Migrator({ db: transaction, provider }).migrateToLatest()
    if (error !== undefined) throw error
    await seed(transaction, hashPassword)
  })
}
