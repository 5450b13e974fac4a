import type { Session, SessionRepository } from '@dashtam/session-cache'
import type { Kysely, Selectable } from 'kysely'
import type { Database } from './schema.ts'

/** Nothing is kept in a session but whose it is. */
type NoData = Readonly<Record<string, never>>

export interface Sessions extends SessionRepository<NoData> {
  /** Deletes those that were not used since `idleSince`, and those that are at their end. */
  deleteOver(nowMs: number, idleSinceMs: number): Promise<void>
}

export function createSessionRepository(db: Kysely<Database>): Sessions {
  return {
    async find(sessionId) {
      const row = await db.selectFrom('sessions').selectAll().where('id', '=', sessionId).executeTakeFirst()
      return row && toSession(row)
    },

    async insert({ id, userId, createdAtMs, lastSeenAtMs, expiresAtMs }) {
      if (userId === null) throw new TypeError('a session without a user is none of ours')
      const row = {
        id,
        user_id: userId,
        created_at: new Date(createdAtMs),
        last_seen_at: new Date(lastSeenAtMs),
        expires_at: new Date(expiresAtMs)
      }
      await db.insertInto('sessions').values(row).execute()
    },

    async update(sessionId) {
      return (await this.find(sessionId)) !== undefined
    },

    async touch(sessionId, lastSeenAtMs) {
      const { numUpdatedRows } = await db
        .updateTable('sessions')
        .set(({ fn, val }) => ({ last_seen_at: fn<Date>('greatest', ['last_seen_at', val(new Date(lastSeenAtMs))]) }))
        .where('id', '=', sessionId)
        .executeTakeFirst()
      return numUpdatedRows > 0
    },

    async delete(sessionId) {
      const { numDeletedRows } = await db.deleteFrom('sessions').where('id', '=', sessionId).executeTakeFirst()
      return numDeletedRows > 0
    },

    async findByUser(userId) {
      const rows = await db.selectFrom('sessions').selectAll().where('user_id', '=', userId).execute()
      return rows.map(toSession)
    },

    async deleteByUser(userId) {
      const { numDeletedRows } = await db.deleteFrom('sessions').where('user_id', '=', userId).executeTakeFirst()
      return Number(numDeletedRows)
    },

    async deleteOver(nowMs, idleSinceMs) {
      await db
        .deleteFrom('sessions')
        .where(({ eb, or }) =>
          or([eb('expires_at', '<=', new Date(nowMs)), eb('last_seen_at', '<=', new Date(idleSinceMs))])
        )
        .execute()
    }
  }
}

function toSession(row: Selectable<Database['sessions']>): Session<NoData> {
  return {
    id: row.id,
    userId: row.user_id,
    createdAtMs: row.created_at.getTime(),
    lastSeenAtMs: row.last_seen_at.getTime(),
    expiresAtMs: row.expires_at.getTime(),
    data: {}
  }
}
