import type { Account, AccountType } from '../domain/account.ts'
import type { Connection } from '../domain/connection.ts'
import type { ProviderAccount } from '../domain/provider.ts'
import type { Transaction } from '../domain/transaction.ts'
import type { Role, User, UserSettings, UserWithRoles } from '../domain/user.ts'

export interface AccountFilter {
  readonly type?: AccountType
  readonly connectionId?: string
}

/** An account at a provider: by which connection it is read, and what the provider calls it. */
interface ProviderAccountRef {
  readonly connectionId: string
  readonly providerAccountId: string
}

/** Where accounts live: the source of truth behind the cache. */
export interface AccountRepository {
  /** All accounts of one user, or those that the filter lets through; the oldest first. */
  listOfOwner(ownerId: string, filter?: AccountFilter): Promise<Account[]>
  /** `undefined` for an account that is at no provider, and when the owner has no such account. */
  findProviderRef(ownerId: string, accountId: string): Promise<ProviderAccountRef | undefined>
  /** The latest first. */
  listTransactions(ownerId: string, accountId: string, page: Page): Promise<Transaction[]>
  /** By the one clock that all instances share. */
  now(): Promise<Date>
  /**
   * Takes over what a provider has told of the accounts of a connection, in one step, unless it was asked later for what is
   * there. `undefined` when the connection is gone.
   */
  replaceOfConnection(
    connectionId: string,
    told: { readonly accounts: readonly ProviderAccount[]; readonly askedAt: Date }
  ): Promise<Connection | undefined>
  /** An account of this owner; `undefined` when the owner has no such account. */
  find(ownerId: string, accountId: string): Promise<Account | undefined>
  /** Renames an account of this owner; `undefined` when the owner has no such account. */
  rename(ownerId: string, accountId: string, name: string): Promise<Account | undefined>
}

/** From 1 on. */
interface Page {
  readonly number: number
  readonly size: number
}

/** What lets us in at a provider. */
export interface Grant {
  readonly accessToken: string
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number
  readonly refreshToken: string
}

/** Where connections live, their refresh tokens encrypted. */
export interface ConnectionRepository {
  find(connectionId: string): Promise<Connection | undefined>
  /** The oldest first. */
  listOfUser(userId: string): Promise<Connection[]>
  insert(connection: Connection, refreshToken: string): Promise<void>
  /** With its accounts. @returns its refresh token, if that can be read; `undefined` when it is not there */
  delete(connectionId: string): Promise<{ readonly refreshToken: string | undefined } | undefined>
  /**
   * Runs `renew` with the refresh token, which can be used once, while nobody else can have it, and keeps the next one.
   *
   * @returns `undefined` when the connection is not there. Rejects as `renew` does; the connection is `expired` when the
   * provider has refused it.
   */
  renewGrant(connectionId: string, renew: (refreshToken: string) => Promise<Grant>): Promise<Grant | undefined>
}

interface AuthorizationRequest {
  readonly state: string
  readonly codeChallenge: string
  readonly redirectUri: string
}

/** Somebody who has accounts of our users. What fails is a `ProviderError`. */
export interface ProviderClient {
  /** Where the user is asked. */
  authorizationUrl(request: AuthorizationRequest): Promise<string>
  /** Ends what was begun there: `callbackUrl` as the browser was sent to it. */
  exchange(callbackUrl: string, checks: { readonly state: string; readonly codeVerifier: string }): Promise<Grant>
  refresh(refreshToken: string): Promise<Grant>
  /** As far as that is possible. */
  revoke(refreshToken: string): Promise<void>
  listAccounts(accessToken: string, signal?: AbortSignal): Promise<ProviderAccount[]>
  /** Pages have 20; beyond the last one they are empty. */
  listTransactions(
    accessToken: string,
    of: { readonly providerAccountId: string; readonly page: number },
    signal?: AbortSignal
  ): Promise<Transaction[]>
}

interface Credentials {
  readonly userId: string
  readonly passwordHash: string
}

export interface UserChanges {
  readonly name?: string
  readonly settings?: Partial<UserSettings>
}

export interface UserRepository {
  findCredentials(email: string): Promise<Credentials | undefined>
  /** `false` when somebody has that e-mail address already. */
  insert(user: User & { readonly passwordHash: string }): Promise<boolean>
  find(userId: string): Promise<User | undefined>
  findSettings(userId: string): Promise<UserSettings | undefined>
  /** Changes what is given, in one step; `false` when there is no such user. */
  update(userId: string, changes: UserChanges): Promise<boolean>
  findPasswordHash(userId: string): Promise<string | undefined>
  /** Unless it is another one by now than `before`: `false` then, and when there is no such user. */
  replacePasswordHash(userId: string, before: string, after: string): Promise<boolean>
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

/** Of everybody and of one user: a token is worth nothing once one of them was rotated. */
interface TokenVersions {
  readonly global: number
  readonly user: number
}

/** Whom a token was issued to, on which session it stands, and by which versions. */
export interface Bearer {
  readonly userId: string
  readonly sessionId: string
  readonly versions: TokenVersions
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
