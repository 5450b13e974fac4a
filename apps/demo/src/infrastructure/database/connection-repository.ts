import type { Kysely, Selectable } from 'kysely'
import type { ConnectionRepository, Grant } from '../../application/ports.ts'
import type { Connection } from '../../domain/connection.ts'
import { ProviderError } from '../../domain/provider.ts'
import type { SealedText } from '../security/sealed-text.ts'
import type { Database } from './schema.ts'

export const CONNECTION_COLUMNS = ['id', 'user_id', 'provider', 'alias', 'status', 'created_at', 'synced_at'] as const

type Row = Pick<Selectable<Database['connections']>, (typeof CONNECTION_COLUMNS)[number]>

export function createConnectionRepository(db: Kysely<Database>, sealed: SealedText): ConnectionRepository {
  return {
    find: connectionId => findConnection(db, connectionId),

    async listOfUser(userId) {
      const rows = await db
        .selectFrom('connections')
        .select(CONNECTION_COLUMNS)
        .where('user_id', '=', userId)
        .orderBy('created_at')
        .orderBy('id')
        .execute()
      return rows.map(toConnection)
    },

    async insert({ id, userId, provider, alias, status, createdAt }, refreshToken) {
      await db
        .insertInto('connections')
        .values({
          id,
          user_id: userId,
          provider,
          alias,
          status,
          refresh_token: sealed.seal(refreshToken, id),
          created_at: new Date(createdAt),
          synced_at: null
        })
        .execute()
    },

    async delete(connectionId) {
      const row = await db
        .deleteFrom('connections')
        .where('id', '=', connectionId)
        .returning('refresh_token')
        .executeTakeFirst()
      return row && { refreshToken: sealed.open(row.refresh_token, connectionId) }
    },

    async renewGrant(connectionId, renew) {
      const renewed = await db.transaction().execute(async transaction => {
        // Whoever else wants to renew it waits, and then has the next one.
        const row = await transaction
          .selectFrom('connections')
          .select('refresh_token')
          .where('id', '=', connectionId)
          .forUpdate()
          .executeTakeFirst()
        if (row === undefined) return undefined
        const refreshToken = sealed.open(row.refresh_token, connectionId)
        const outcome = await settled(async () => {
          // Sealed with a secret that is another one by now.
          if (refreshToken === undefined) throw new ProviderError('refused', 'What lets us in cannot be read any more.')
          return renew(refreshToken)
        })
        const change =
          outcome.grant === undefined
            ? isRefusal(outcome.error) && { status: 'expired' as const }
            : { status: 'connected' as const, refresh_token: sealed.seal(outcome.grant.refreshToken, connectionId) }
        if (change !== false) {
          await transaction.updateTable('connections').set(change).where('id', '=', connectionId).execute()
        }
        return outcome
      })
      if (renewed === undefined) return undefined
      // Not within the transaction, which would undo that the connection is expired.
      if (renewed.grant === undefined) throw renewed.error
      return renewed.grant
    }
  }
}

export async function findConnection(db: Kysely<Database>, id: string): Promise<Connection | undefined> {
  const row = await db.selectFrom('connections').select(CONNECTION_COLUMNS).where('id', '=', id).executeTakeFirst()
  return row && toConnection(row)
}

export function toConnection(row: Row): Connection {
  return {
    id: row.id,
    userId: row.user_id,
    provider: row.provider,
    alias: row.alias,
    status: row.status,
    createdAt: row.created_at.toISOString(),
    syncedAt: row.synced_at?.toISOString() ?? null
  }
}

type Outcome = { readonly grant: Grant } | { readonly grant?: undefined; readonly error: unknown }

async function settled(renew: () => Promise<Grant>): Promise<Outcome> {
  try {
    return { grant: await renew() }
  } catch (error) {
    return { error }
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof ProviderError && error.kind === 'refused'
}
