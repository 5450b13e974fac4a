import { createHash, randomBytes } from 'node:crypto'

const OWNER_LENGTH = 11

/** The owner of sessions in which nobody is signed in. */
export const NOBODY = 'nobody'

/** 256 random bits, and whose session it is. */
const OWN_ID = /^[A-Za-z0-9_-]{43}\.([A-Za-z0-9_-]{11}|nobody)$/

/**
 * Whose sessions belong together, as 11 characters. It is no secret, and two users may have the same: then the sessions of
 * both are looked up again when those of one are ended.
 */
export function ownerOf(userId: string | null): string {
  if (userId === null) return NOBODY
  return createHash('sha256').update(`session owner ${userId}`).digest('base64url').slice(0, OWNER_LENGTH)
}

/** An id that tells its owner, so that nobody has to be asked for it. */
export function newSessionId(userId: string | null): string {
  return `${randomBytes(32).toString('base64url')}.${ownerOf(userId)}`
}

/** Whether a text can be the id of a session that a cache of sessions has made. */
export function isSessionId(text: string): boolean {
  return OWN_ID.test(text)
}

/** The owner that an id tells; `undefined` for an id that somebody else has made. */
export function ownerIn(sessionId: string): string | undefined {
  return OWN_ID.exec(sessionId)?.[1]
}
