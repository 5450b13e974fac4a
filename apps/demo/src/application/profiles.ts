import type { CacheFamily, Consistency, FamilyKeys, ReadThrough, Served, ValueCodec } from '@dashtam/cache-protocol'
import type { User, UserSettings } from '../domain/user.ts'
import type { Passwords, UserChanges, UserRepository } from './ports.ts'

interface OfUser {
  readonly userId: string
}

export interface ProfilesDeps {
  readonly repository: UserRepository
  readonly passwords: Passwords
  readonly cache: ReadThrough
  readonly keys: { readonly userProfile: FamilyKeys<OfUser>; readonly userSettings: FamilyKeys<OfUser> }
  /** What depends on the row of a user. */
  readonly tags: { user(params: OfUser): string }
  readonly codecs: { readonly profile: ValueCodec<User | null>; readonly settings: ValueCodec<UserSettings | null> }
  /** How long both are fresh. */
  readonly ttlSeconds: number
}

/** What users see and change of themselves. */
export class Profiles {
  readonly #repository: UserRepository
  readonly #passwords: Passwords
  readonly #tags: ProfilesDeps['tags']
  readonly #profiles: CacheFamily<OfUser, User | null>
  readonly #settings: CacheFamily<OfUser, UserSettings | null>

  constructor({ repository, passwords, cache, keys, tags, codecs, ttlSeconds }: ProfilesDeps) {
    this.#repository = repository
    this.#passwords = passwords
    this.#tags = tags
    const behavior = { ttlSeconds, nullTtlSeconds: 0, tags: ({ userId }: OfUser) => [tags.user({ userId })] }
    this.#profiles = cache.family<OfUser, User | null, OfUser>(keys.userProfile, {
      ...behavior,
      codec: codecs.profile,
      load: async ({ userId }) => (await repository.find(userId)) ?? null
    })
    this.#settings = cache.family<OfUser, UserSettings | null, OfUser>(keys.userSettings, {
      ...behavior,
      codec: codecs.settings,
      load: async ({ userId }) => (await repository.findSettings(userId)) ?? null
    })
  }

  profile(userId: string, consistency: Consistency): Promise<Served<User | null>> {
    return this.#profiles.read({ userId }, { consistency })
  }

  settings(userId: string, consistency: Consistency): Promise<Served<UserSettings | null>> {
    return this.#settings.read({ userId }, { consistency })
  }

  /** `false` when there is no such user. */
  async update(userId: string, changes: UserChanges): Promise<boolean> {
    return this.#change(userId, () => this.#repository.update(userId, changes))
  }

  /** `false` when the current password is another one. */
  async changePassword(userId: string, current: string, next: string): Promise<boolean> {
    const before = await this.#repository.findPasswordHash(userId)
    if (before === undefined || !(await this.#passwords.matches(current, before))) return false
    const after = await this.#passwords.hash(next)
    return this.#change(userId, () => this.#repository.replacePasswordHash(userId, before, after))
  }

  async #change(userId: string, write: () => Promise<boolean>): Promise<boolean> {
    const { value } = await this.#profiles.mutate({ userId }, write, { tags: [this.#tags.user({ userId })] })
    return value
  }
}
