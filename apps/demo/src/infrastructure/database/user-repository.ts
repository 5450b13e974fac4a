import { type Kysely, sql } from 'kysely'
import { jsonArrayFrom } from 'kysely/helpers/postgres'
import type { UserRepository } from '../../application/ports.ts'
import type { Role, User, UserWithRoles } from '../../domain/user.ts'
import type { Database } from './schema.ts'

export function createUserRepository(db: Kysely<Database>): UserRepository {
  const withRoles = (from: Kysely<Database>) =>
    from
      .selectFrom('users')
      .select(['id', 'email', 'name'])
      .select(({ selectFrom }) =>
        jsonArrayFrom(selectFrom('user_roles').select('role').whereRef('user_id', '=', 'users.id').orderBy('role')).as(
          'roles'
        )
      )
  return {
    async findCredentials(email) {
      const row = await db
        .selectFrom('users')
        .select(['id', 'password_hash'])
        .where('email', '=', email.toLowerCase())
        .executeTakeFirst()
      return row && { userId: row.id, passwordHash: row.password_hash }
    },

    async insert({ id, email, name, passwordHash }) {
      const { numInsertedOrUpdatedRows = 0n } = await db
        .insertInto('users')
        .values({ id, email, name, password_hash: passwordHash })
        .onConflict(conflict => conflict.column('email').doNothing())
        .executeTakeFirst()
      return numInsertedOrUpdatedRows > 0
    },

    find(userId) {
      return db.selectFrom('users').select(['id', 'email', 'name']).where('id', '=', userId).executeTakeFirst()
    },

    findSettings(userId) {
      return db.selectFrom('users').select(['language', 'currency']).where('id', '=', userId).executeTakeFirst()
    },

    async update(userId, { name, settings: { language, currency } = {} }) {
      const { numUpdatedRows } = await db
        .updateTable('users')
        .set({
          ...(name !== undefined && { name }),
          ...(language !== undefined && { language }),
          ...(currency !== undefined && { currency })
        })
        .where('id', '=', userId)
        .executeTakeFirst()
      return numUpdatedRows > 0
    },

    async findPasswordHash(userId) {
      const row = await db.selectFrom('users').select('password_hash').where('id', '=', userId).executeTakeFirst()
      return row?.password_hash
    },

    async replacePasswordHash(userId, before, after) {
      const { numUpdatedRows } = await db
        .updateTable('users')
        .set({ password_hash: after })
        .where('id', '=', userId)
        .where('password_hash', '=', before)
        .executeTakeFirst()
      return numUpdatedRows > 0
    },

    async list({ after, limit }) {
      const rows = await withRoles(db).where('email', '>', after).orderBy('email').limit(limit).execute()
      return rows.map(toUser)
    },

    setRoles(userId, roles) {
      return db.transaction().execute(async transaction => {
        // One change at a time: two of them could each remove the other's last admin.
        await sql`lock table user_roles in share row exclusive mode`.execute(transaction)
        const user = await withRoles(transaction).where('id', '=', userId).executeTakeFirst()
        if (user === undefined) return undefined
        const isDemoted = !roles.includes('admin') && user.roles.some(({ role }) => role === 'admin')
        if (isDemoted && !(await hasAdminBeside(transaction, userId))) return 'last_admin'
        await transaction.deleteFrom('user_roles').where('user_id', '=', userId).execute()
        const rows = roles.map(role => ({ user_id: userId, role }))
        if (rows.length > 0) await transaction.insertInto('user_roles').values(rows).execute()
        return { ...toUser(user), roles: [...roles].sort() }
      })
    }
  }
}

async function hasAdminBeside(db: Kysely<Database>, userId: string): Promise<boolean> {
  const other = await db
    .selectFrom('user_roles')
    .select('user_id')
    .where('role', '=', 'admin')
    .where('user_id', '<>', userId)
    .limit(1)
    .executeTakeFirst()
  return other !== undefined
}

interface Row extends User {
  readonly roles: readonly { readonly role: Role }[]
}

function toUser({ roles, ...user }: Row): UserWithRoles {
  return { ...user, roles: roles.map(({ role }) => role) }
}
