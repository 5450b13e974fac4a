import { randomUUID } from 'node:crypto'
import { type Kysely, type Selectable, sql } from 'kysely'
import type { AccountRepository } from '../../application/ports.ts'
import type { Account, AccountType } from '../../domain/account.ts'
import { CONNECTION_COLUMNS, findConnection, toConnection } from './connection-repository.ts'
import type { Database } from './schema.ts'

const COLUMNS = ['id', 'name', 'type', 'balance', 'currency', 'updated_at', 'connection_id'] as const

type Row = Pick<Selectable<Database['accounts']>, (typeof COLUMNS)[number]>

export function createAccountRepository(db: Kysely<Database>): AccountRepository {
  return {
    async listOfOwner(ownerId, { type, connectionId } = {}) {
      const rows = await db
        .selectFrom('accounts')
        .select(COLUMNS)
        .where('user_id', '=', ownerId)
        .$if(type !== undefined, query => query.where('type', '=', type as AccountType))
        .$if(connectionId !== undefined, query => query.where('connection_id', '=', connectionId as string))
        .orderBy('opened_on')
        .orderBy('id')
        .execute()
      return rows.map(toAccount)
    },

    async findProviderRef(ownerId, accountId) {
      const row = await db
        .selectFrom('accounts')
        .select(['connection_id', 'provider_account_id'])
        .where('id', '=', accountId)
        .where('user_id', '=', ownerId)
        .executeTakeFirst()
      if (row === undefined || row.connection_id === null || row.provider_account_id === null) return undefined
      return { connectionId: row.connection_id, providerAccountId: row.provider_account_id }
    },

    async listTransactions(ownerId, accountId, { number, size }) {
      const rows = await db
        .selectFrom('transactions')
        .innerJoin('accounts', 'accounts.id', 'transactions.account_id')
        .select(['transactions.id', 'occurred_on', 'description', 'amount'])
        .where('account_id', '=', accountId)
        .where('user_id', '=', ownerId)
        .orderBy('occurred_on', 'desc')
        .orderBy('transactions.id', 'desc')
        .limit(size)
        .offset((number - 1) * size)
        .execute()
      return rows.map(({ occurred_on, ...row }) => ({ ...row, id: String(row.id), occurredOn: dayOf(occurred_on) }))
    },

    async now() {
      // A Date knows no less than a millisecond.
      const { rows } = await sql<{ now: Date }>`select date_trunc('milliseconds', clock_timestamp()) as now`.execute(db)
      return rows[0]?.now as Date
    },

    replaceOfConnection(connectionId, { accounts, askedAt }) {
      return db.transaction().execute(async transaction => {
        const connection = await transaction
          .updateTable('connections')
          .set({ synced_at: askedAt })
          .where('id', '=', connectionId)
          // Of two syncs that overtake each other the one that has asked last knows better.
          .where(({ or, eb }) => or([eb('synced_at', 'is', null), eb('synced_at', '<=', askedAt)]))
          .returning(CONNECTION_COLUMNS)
          .executeTakeFirst()
        if (connection === undefined) return findConnection(transaction, connectionId)
        const known = accounts.map(({ id }) => id)
        await transaction
          .deleteFrom('accounts')
          .where('connection_id', '=', connectionId)
          .$if(known.length > 0, query => query.where('provider_account_id', 'not in', known))
          .execute()
        const rows = accounts.map(({ id, name, type, currency, balance }) => ({
          id: randomUUID(),
          user_id: connection.user_id,
          connection_id: connectionId,
          provider_account_id: id,
          name,
          type,
          currency,
          balance,
          opened_on: askedAt.toISOString().slice(0, 10),
          updated_at: sql<Date>`now()`
        }))
        if (rows.length > 0) {
          await transaction
            .insertInto('accounts')
            .values(rows)
            // The name is the user's to change.
            .onConflict(conflict =>
              conflict.columns(['connection_id', 'provider_account_id']).doUpdateSet(({ ref }) => ({
                type: ref('excluded.type'),
                currency: ref('excluded.currency'),
                balance: ref('excluded.balance'),
                updated_at: ref('excluded.updated_at')
              }))
            )
            .execute()
        }
        return toConnection(connection)
      })
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

function toAccount({ id, name, type, balance, currency, updated_at, connection_id }: Row): Account {
  return { id, name, type, balance, currency, updatedAt: updated_at.toISOString(), connectionId: connection_id }
}

/** A `date` is a text to one driver, and a Date at midnight, local time, to the other. */
function dayOf(date: string | Date): string {
  if (typeof date === 'string') return date.slice(0, 10)
  const [year, month, day] = [date.getFullYear(), date.getMonth() + 1, date.getDate()]
  return `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
}
