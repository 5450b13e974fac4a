import type { Kysely } from 'kysely'
import type { UserRepository } from '../../application/ports.ts'
import type { Database } from './schema.ts'

export function createUserRepository(db: Kysely<Database>): UserRepository {
  return {
    async findCredentials(email) {
      const row = await db
        .selectFrom('users')
        .select(['id', 'password_hash'])
        .where('email', '=', email.toLowerCase())
        .executeTakeFirst()
      return row && { userId: row.id, passwordHash: row.password_hash }
    }
  }
}
