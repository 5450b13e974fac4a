import type { CacheFamily, FamilyKeys, Mutated, ReadOptions, ReadThrough } from '@dashtam/cache-protocol'
import { refuseUnknown, requireFunctions } from '@dashtam/cache-protocol/adapter'

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

/**
 * The truth. Each call is one statement: nothing is read before it is written. Versions are safe integers of at least 0, and
 * the text or the bigint that a driver makes of a `bigint` is none.
 */
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
      load: async () => versionFrom('findGlobalVersion', await repository.findGlobalVersion())
    })
    this.#users = cache.family<OfUser, number | null, OfUser>(keys.securityUserVersion, {
      ...behavior,
      // Anybody can ask for users that are not there: they are not to fill the cache.
      nullTtlSeconds: 0,
      load: async ({ userId }) => {
        const found = await repository.findUserVersion(userId)
        return found === undefined ? null : versionFrom('findUserVersion', found)
      }
    })
  }

  /**
   * What a token that is issued now is to carry. It is a strong read: nothing from before a rotation that has been answered
   * anywhere. Its round trip is one for both, and for all who read at the moment. When the cache is in trouble the
   * repository answers.
   *
   * @returns `undefined` when there is no such user. Rejects as the repository does, and with a `TypeError` when what it
   * answers is no version.
   */
  async versionsOf(userId: string, options?: ReadOptions): Promise<SecurityVersions | undefined> {
    const [global, user] = await Promise.all([this.#global.get({}, options), this.#users.get({ userId }, options)])
    return user === null ? undefined : { global, user }
  }

  /**
   * Whether a token that was issued with these versions is still worth something. Read as `versionsOf` does.
   *
   * @param userId - As the token says it, as is `issued`, whatever that is: what can be no id is nobody.
   * @returns `false` when one of them was rotated since, when one is missing or no integer, and when there is no such user.
   * Rejects as `versionsOf` does.
   */
  async isCurrent(userId: string, issued: SecurityVersions | undefined, options?: ReadOptions): Promise<boolean> {
    const isId = typeof userId === 'string' || Number.isSafeInteger(userId)
    const wanted = isId ? await this.versionsOf(userId, options) : undefined
    const { global, user } = Object(issued) as Partial<SecurityVersions>
    const isCurrent = wanted !== undefined && reaches(global, wanted.global) && reaches(user, wanted.user)
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

/** @throws TypeError: no token could be held against it, or every one could. */
function versionFrom(name: keyof SecurityConfigRepository, found: unknown): number {
  if (Number.isSafeInteger(found) && (found as number) >= 0) return found as number
  const got = typeof found === 'number' ? found : found === null ? 'null' : typeof found
  throw new TypeError(`repository.${name} must answer a safe integer of at least 0, got ${got}`)
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
  const { cache, keys, repository } = options
  refuseUnknown(options, ['cache', 'keys', 'repository', 'ttlSeconds'])
  requireFunctions('cache', cache, ['family'])
  requireFunctions('keys', keys, ['securityGlobalVersion', 'securityUserVersion'])
  requireFunctions('repository', repository, [
    'findGlobalVersion',
    'findUserVersion',
    'rotateGlobalVersion',
    'rotateUserVersion'
  ])
  return new SecurityConfigCache(options)
}
