import type { Result } from './result.ts'

/**
 * Members under an owner, each with a time of its own: the sessions of a user, the devices of an account.
 *
 * An owner is a key of the keyspace of its store; a member is a string of at most 1,024 characters of well-formed
 * Unicode. A member whose time is over is not there, and an owner without members takes no room.
 *
 * Nothing rejects. Arguments that are wrong fail with `CACHE_INVALID_ARGUMENT`, faults of the backend with
 * `CACHE_MEMBERS_ERROR`.
 */
export interface MemberIndex {
  /**
   * Adds a member, or gives one that is there another time.
   *
   * @param ttlSeconds - How long it is to be there; above 0, `Infinity` for ever.
   */
  add(owner: string, member: string, ttlSeconds: number): Promise<Result<void>>

  /** @returns how many of them were there. */
  remove(owner: string, members: Iterable<string>): Promise<Result<number>>

  /** @returns all members, those that end soonest first. */
  members(owner: string): Promise<Result<readonly string[]>>

  /**
   * Removes all members.
   *
   * @returns how many there were.
   */
  clear(owner: string): Promise<Result<number>>
}
