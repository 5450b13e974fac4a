import type { CacheFamily, FamilyKeys, Mutated, ReadOptions, ReadThrough } from '@dashtam/cache-protocol'

interface OfUser {
  readonly userId: string
}

/** What a token is issued with, and what is wanted of it: integers of at least 0 that only grow. */
export interface SecurityVersions {
  /** Of everybody. */
  readonly global: number
  /** Of one user. */
  readonly user: number
}

/** The truth. Each call is one statement: nothing is read before it is written. */
export interface SecurityConfigRepository {
  findGlobalVersion(): Promise<number>
  /** `undefined` when there is no such user. */
  findUserVersion(userId: string): Promise<number | undefined>
  /** Counts up. @returns the new version */
  rotateGlobalVersion(): Promise<number>
  /** Counts up. @returns the new version; `undefined` when there is no such user */
  rotateUserVersion(userId: string): Promise<number | undefined>
}

export interface SecurityKeys {
  readonly securityGlobalVersion: FamilyKeys<object>
  readonly securityUserVersion: FamilyKeys<OfUser>
}

export interface SecurityConfigCacheOptions {
  /** `app.cache`, or another read-through cache. */
  readonly cache: Pick<ReadThrough, 'family'>
  /** `defineKeys` with the families `securityGlobalVersion` and `securityUserVersion` of `dashtamFamilies`. */
  readonly keys: SecurityKeys
  readonly repository: SecurityConfigRepository
  /**
   * How long a version is believed, in seconds, above 0: how long a rotation past this cache goes unnoticed.
   * @defaultValue 60
   */
  readonly ttlSeconds?: number
}

/** What has become of tokens since the cache was made. */
export interface SecurityConfigStats {
  readonly current: number
  /** Issued before a rotation, or for somebody who is gone. */
  readonly outdated: number
  readonly rotated: number
}

const DEFAULT_TTL_SECONDS = 60

/** The versions below which no token is valid. Made by {@link createSecurityConfigCache}. */
export class SecurityConfigCache {
  readonly #repository: SecurityConfigRepository
  readonly #global: CacheFamily<object, number>
  readonly #users: CacheFamily<OfUser, number | null>
  readonly #stats = { current: 0, outdated: 0, rotated: 0 }

  /** @internal */
  constructor({ cache, keys, repository, ttlSeconds = DEFAULT_TTL_SECONDS }: SecurityConfigCacheOptions) {
    this.#repository = repository
    // Nobody goes on with a token that somebody else has made worth nothing: it is the point of a rotation.
    const behavior = { ttlSeconds, consistency: 'strong' } as const
    this.#global = cache.family<object, number, object>(keys.securityGlobalVersion, {
      ...behavior,
      load: () => repository.findGlobalVersion()
    })
    this.#users = cache.family<OfUser, number | null, OfUser>(keys.securityUserVersion, {
      ...behavior,
      // Anybody can ask for users that are not there: they are not to fill the cache.
      nullTtlSeconds: 0,
      load: async ({ userId }) => (await repository.findUserVersion(userId)) ?? null
    })
  }

  /**
   * What a token that is issued now is to carry. It is a strong read: nothing from before a rotation that has been answered
   * anywhere. Its round trip is one for both, and for all who read at the moment. When the cache is in trouble the
   * repository answers.
   *
   * @returns `undefined` when there is no such user. Rejects as the repository does.
   */
  async versionsOf(userId: string, options?: ReadOptions): Promise<SecurityVersions | undefined> {
    const [global, user] = await Promise.all([this.#global.get({}, options), this.#users.get({ userId }, options)])
    return user === null ? undefined : { global, user }
  }

  /**
   * Whether a token that was issued with these versions is still worth something. Read as `versionsOf` does.
   *
   * @returns `false` when one of them was rotated since, when one is no integer, and when there is no such user. Rejects as
   * the repository does.
   */
  async isCurrent(userId: string, issued: SecurityVersions, options?: ReadOptions): Promise<boolean> {
    const wanted = await this.versionsOf(userId, options)
    const isCurrent = wanted !== undefined && reaches(issued.global, wanted.global) && reaches(issued.user, wanted.user)
    this.#stats[isCurrent ? 'current' : 'outdated']++
    return isCurrent
  }

  /**
   * Makes all tokens of everybody worth nothing. When it resolves, each check of each process that follows knows.
   *
   * @returns the new version, and whether the rotation is acknowledged (see `mutate` of a family). Rejects as the repository
   * does.
   */
  async rotateGlobal(): Promise<Mutated<number>> {
    const rotated = await this.#global.mutate({}, () => this.#repository.rotateGlobalVersion())
    this.#stats.rotated++
    return rotated
  }

  /**
   * Makes all tokens of a user worth nothing. When it resolves, each check of each process that follows knows.
   *
   * @returns the new version, `undefined` when there is no such user, and whether the rotation is acknowledged. Rejects as
   * the repository does.
   */
  async rotateUser(userId: string): Promise<Mutated<number | undefined>> {
    const rotated = await this.#users.mutate({ userId }, () => this.#repository.rotateUserVersion(userId))
    if (rotated.value !== undefined) this.#stats.rotated++
    return rotated
  }

  stats(): SecurityConfigStats {
    return { ...this.#stats }
  }
}

/** What a token says is not what it must be. */
function reaches(issued: unknown, wanted: number): boolean {
  return Number.isSafeInteger(issued) && (issued as number) >= wanted
}

/**
 * Makes a cache in front of the versions of tokens.
 *
 * @throws TypeError when an option is wrong.
 */
export function createSecurityConfigCache(options: SecurityConfigCacheOptions): SecurityConfigCache {
  if (typeof options.repository?.findGlobalVersion !== 'function') {
    throw new TypeError('repository must be a SecurityConfigRepository')
  }
  return new SecurityConfigCache(options)
}
