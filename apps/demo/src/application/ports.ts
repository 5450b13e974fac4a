import type { Account } from '../domain/account.ts'
import type { Role, User, UserWithRoles } from '../domain/user.ts'

/** Where accounts live: the source of truth behind the cache. */
export interface AccountRepository {
  /** All accounts of one user, the oldest first. */
  listOfOwner(ownerId: string): Promise<Account[]>
  /** An account of this owner; `undefined` when the owner has no such account. */
  find(ownerId: string, accountId: string): Promise<Account | undefined>
  /** Renames an account of this owner; `undefined` when the owner has no such account. */
  rename(ownerId: string, accountId: string, name: string): Promise<Account | undefined>
}

interface Credentials {
  readonly userId: string
  readonly passwordHash: string
}

export interface UserRepository {
  findCredentials(email: string): Promise<Credentials | undefined>
  /** `false` when somebody has that e-mail address already. */
  insert(user: User & { readonly passwordHash: string }): Promise<boolean>
  /** Users by their e-mail addresses, from the one after `after` on. */
  list(page: { readonly after: string; readonly limit: number }): Promise<UserWithRoles[]>
  /** Gives a user other roles, in one step; `undefined` when there is no such user. */
  setRoles(userId: string, roles: readonly Role[]): Promise<UserWithRoles | 'last_admin' | undefined>
}

export interface Passwords {
  hash(password: string): Promise<string>
  /** Whether `password` is the one behind `hash`. Without a hash it answers `false` and takes just as long. */
  matches(password: string, hash: string | undefined): Promise<boolean>
}

/** Whom a token was issued to, and on which session it stands. */
export interface Bearer {
  readonly userId: string
  readonly sessionId: string
}

export interface Tokens {
  /** Tokens that are worth nothing once the session has ended. */
  issue(bearer: Bearer): Promise<{ readonly accessToken: string; readonly refreshToken: string }>
  /** `undefined` for anything but a valid access token of ours. */
  readAccess(token: string): Promise<Bearer | undefined>
  /** `undefined` for anything but a valid refresh token of ours. */
  readRefresh(token: string): Promise<Bearer | undefined>
}

/** Who tries to sign in, and from where. */
export interface Attempt {
  readonly email: string
  readonly address: string
}

export interface SignInLimit {
  /**
   * Runs `verify`, unless there were too many wrong ones: only those count for which it answers `undefined`.
   *
   * @returns what it has answered, or how long to wait.
   */
  attempt<T>(
    attempt: Attempt,
    verify: () => Promise<T | undefined>
  ): Promise<{ readonly value: T | undefined } | { readonly retryAfterMs: number }>
}

export interface Authorization {
  /** Runs a write of the policy; whoever is checked from then on is checked by what it has changed. */
  change<T>(write: () => Promise<T>): Promise<{ readonly value: T }>
}
