import type { Session } from './session.ts'

/**
 * Where sessions live: a table of the database, or {@link StoredSessions}. It is the truth; what is cached follows it.
 *
 * Each function is one step for all others. It may reject, and its error is the caller's.
 */
export interface SessionRepository<D = unknown> {
  /** How long it keeps a session that is not used, in seconds, if it forgets them by itself. */
  readonly idleSeconds?: number

  /** @returns the session; `undefined` when it was deleted or never was. One that is over may still be found. */
  find(sessionId: string): Promise<Session<D> | undefined>

  /** Adds a session. Rejects when there is one of that id. */
  insert(session: Session<D>): Promise<void>

  /** Gives a session other data. @returns `false`, and nothing is written, when it was deleted or never was. */
  update(sessionId: string, data: D): Promise<boolean>

  /**
   * Notes a use; an earlier one does not replace a later.
   *
   * @returns `false`, and nothing is written, when the session was deleted or never was.
   */
  touch(sessionId: string, lastSeenAtMs: number): Promise<boolean>

  /** @returns whether it was there. */
  delete(sessionId: string): Promise<boolean>

  /** @returns all sessions of a user. Those that are over may be among them. */
  findByUser(userId: string): Promise<readonly Session<D>[]>

  /**
   * Deletes all sessions of a user, in one step: none that was there before is left, even if this process dies.
   *
   * @returns how many there were.
   */
  deleteByUser(userId: string): Promise<number>
}
