/** A session, as its repository has it. */
export interface Session<D = unknown> {
  readonly id: string
  /** Who is signed in; `null` when nobody is. It never changes: who signs in gets another session. */
  readonly userId: string | null
  /** In milliseconds since 1970, as are the other two. */
  readonly createdAtMs: number
  /** The last use that was noted: at most a thirtieth of the idle lifetime, and at most a minute, before the last one. */
  readonly lastSeenAtMs: number
  /** When it ends, however much it is used. */
  readonly expiresAtMs: number
  /** Whatever the app keeps in it; JSON. */
  readonly data: D
}

/** What is known of a session without its data. */
export type SessionSummary = Omit<Session, 'data'>

/** When a session is over that is not used any more: idle for too long, or at its end. In milliseconds since 1970. */
export function endOf(
  { lastSeenAtMs, expiresAtMs }: Pick<SessionSummary, 'lastSeenAtMs' | 'expiresAtMs'>,
  idleMs: number
): number {
  return Math.min(lastSeenAtMs + idleMs, expiresAtMs)
}
