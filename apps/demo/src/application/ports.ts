import type { Account } from '../domain/account.ts'

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
}

export interface Passwords {
  /** Whether `password` is the one behind `hash`. Without a hash it answers `false` and takes just as long. */
  matches(password: string, hash: string | undefined): Promise<boolean>
}

export interface AccessTokens {
  issue(userId: string): Promise<string>
  /** The user whom the token was issued to; `undefined` for anything but a valid token of ours. */
  userOf(token: string): Promise<string | undefined>
}
