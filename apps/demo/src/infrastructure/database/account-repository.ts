import { type Kysely, type Selectable, sql } from 'kysely'
import type { AccountRepository } from '../../application/ports.ts'
import type { Account } from '../../domain/account.ts'
import type { Database } from './schema.ts'

const COLUMNS = ['id', 'name', 'type', 'balance', 'currency', 'updated_at'] as const

type Row = Pick<Selectable<Database['accounts']>, (typeof COLUMNS)[number]>

export function createAccountRepository(db: Kysely<Database>): AccountRepository {
  return {
    async listOfOwner(ownerId) {
      const rows = await db
        .selectFrom('accounts')
        .select(COLUMNS)
        .where('user_id', '=', ownerId)
        .orderBy('opened_on')
        .orderBy('id')
        .execute()
      return rows.map(toAccount)
    },

    async find(ownerId, accountId) {
      const row = await db
        .selectFrom('accounts')
        .select(COLUMNS)
        .where('id', '=', accountId)
        .where('user_id', '=', ownerId)
        .executeTakeFirst()
      return row && toAccount(row)
    },

    async rename(ownerId, accountId, name) {
      const row = await db
        .updateTable('accounts')
        .set({ name, updated_at: sql`now()` })
        .where('id', '=', accountId)
        .where('user_id', '=', ownerId)
        .returning(COLUMNS)
        .executeTakeFirst()
      return row && toAccount(row)
    }
  }
}

function toAccount({ id, name, type, balance, currency, updated_at }: Row): Account {
  return { id, name, type, balance, currency, updatedAt: updated_at.toISOString() }
}
