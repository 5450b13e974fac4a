import type { SecurityConfigRepository } from '@dashtam/security-config-cache'
import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'

export function createSecurityRepository(db: Kysely<Database>): SecurityConfigRepository {
  return {
    async findGlobalVersion() {
      const row = await db.selectFrom('security_config').select('token_version').executeTakeFirstOrThrow()
      return row.token_version
    },

    async findUserVersion(userId) {
      const row = await db.selectFrom('users').select('token_version').where('id', '=', userId).executeTakeFirst()
      return row?.token_version
    },

    async rotateGlobalVersion() {
      const row = await db
        .updateTable('security_config')
        .set(({ eb }) => ({ token_version: eb('token_version', '+', 1) }))
        .returning('token_version')
        .executeTakeFirstOrThrow()
      return row.token_version
    },

    async rotateUserVersion(userId) {
      const row = await db
        .updateTable('users')
        .set(({ eb }) => ({ token_version: eb('token_version', '+', 1) }))
        .where('id', '=', userId)
        .returning('token_version')
        .executeTakeFirst()
      return row?.token_version
    }
  }
}
