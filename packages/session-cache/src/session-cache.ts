import type {
  CacheFamily,
  Consistency,
  DeepReadonly,
  FamilyKeys,
  Mutated,
  ReadThrough,
  ValueCodec
} from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import { RecentMap } from '@dashtam/cache-protocol/adapter'
import { endOf, type Session, type SessionSummary } from './session.ts'
import { NOBODY, newSessionId, ownerIn, ownerOf } from './session-id.ts'
import type { SessionRepository } from './session-repository.ts'
import type { SessionStats } from './stats.ts'

interface OfSession {
  readonly sessionId: string
}

interface OfUser {
  readonly userId: string
}

/** A session and whose it is, which is what its entry depends on. */
interface OwnedSession extends OfSession {
  readonly owner: string
}

export interface SessionKeys {
  readonly session: FamilyKeys<OfSession>
  readonly userSessions: FamilyKeys<OfUser>
}

export interface SessionCacheOptions<D = unknown> {
  /** `app.cache`, or another read-through cache. */
  readonly cache: Pick<ReadThrough, 'family'>
  /** `defineKeys` with the families `session` and `userSessions` of `dashtamFamilies`. */
  readonly keys: SessionKeys
  /** The truth. */
  readonly repository: SessionRepository<D>
  /**
   * A session that is not used for so long is over, in seconds, above 0.
   * @defaultValue that of the repository, if it has one; else 1800
   */
  readonly idleSeconds?: number
  /** A session is over after so long, however much it is used, in seconds, above 0. @defaultValue 2592000: 30 days */
  readonly absoluteSeconds?: number
  /**
   * After so long a cached session is looked up in the repository again, in seconds, above 0 and at most 55: how long one
   * is believed that was deleted past this cache. It counts from when the session is stored; Redis may be troubled for as
   * long as a lease lasts before it is. So with the default lease of 3 s no session is believed for more than a minute.
   * @defaultValue 55
   */
  readonly verifySeconds?: number
  /** How cached sessions are encoded, such as `json` of `@dashtam/cache-codecs` with a key. @defaultValue JSON */
  readonly codec?: ValueCodec<Session<D> | null>
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: () => number
}

export interface SessionReadOptions {
  /**
   * `strong`: no session whose end has been acknowledged, whichever process has ended it; it costs a round trip that all
   * strong reads of the moment share.
   * @defaultValue `'eventual'`: at once in the process that ends a session, elsewhere a few milliseconds later
   */
  readonly consistency?: Consistency
}

export interface NewSession<D> {
  /** Who has signed in; `null` for a session of nobody. */
  readonly userId: string | null
  readonly data: D
  /** @defaultValue one of 256 random bits */
  readonly id?: string
}

const DEFAULT_IDLE_SECONDS = 30 * 60
const DEFAULT_ABSOLUTE_SECONDS = 30 * 24 * 60 * 60
const MAX_VERIFY_SECONDS = 55
/** So much of the idle lifetime may pass before a use is noted. */
const TOUCH_SHARE = 1 / 30
const MAX_TOUCH_MS = 60_000
/** Of so many ids that do not tell their owners it is remembered. */
const REMEMBERED_OWNERS = 50_000

/** Sessions, cached. Made by {@link createSessionCache}. */
export class SessionCache<D = unknown> {
  readonly #repository: SessionRepository<D>
  readonly #sessions: CacheFamily<OwnedSession, Session<D> | null>
  readonly #lists: CacheFamily<OfUser, readonly SessionSummary[]>
  readonly #idleMs: number
  readonly #touchMs: number
  readonly #now: () => number
  /** By id. */
  readonly #owners = new RecentMap<string>(REMEMBERED_OWNERS)
  /** By session: the touch that is under way. */
  readonly #touching = new Map<string, Promise<Mutated<boolean>>>()
  readonly #stats = {
    created: 0,
    found: 0,
    missing: 0,
    touched: 0,
    saved: 0,
    refused: 0,
    deleted: 0,
    revoked: 0
  }
  /** How long a session may live, in seconds. */
  readonly absoluteSeconds: number

  /** @internal */
  constructor({
    cache,
    keys,
    repository,
    idleSeconds = repository.idleSeconds ?? DEFAULT_IDLE_SECONDS,
    absoluteSeconds = DEFAULT_ABSOLUTE_SECONDS,
    verifySeconds = MAX_VERIFY_SECONDS,
    codec,
    now = Date.now
  }: SessionCacheOptions<D>) {
    this.#repository = repository
    this.#idleMs = idleSeconds * 1_000
    this.#touchMs = Math.min(this.#idleMs * TOUCH_SHARE, MAX_TOUCH_MS)
    this.#now = now
    this.absoluteSeconds = absoluteSeconds
    const lifetime = { ttlSeconds: verifySeconds, isSensitive: true }
    this.#sessions = cache.family<OfSession, Session<D> | null, OwnedSession>(keys.session, {
      ...lifetime,
      ...(codec && { codec }),
      ttlSeconds: session => (session === null ? verifySeconds : this.#freshSeconds(session, verifySeconds)),
      tags: ({ owner }) => (owner === NOBODY ? [] : [sessionsOf(owner)]),
      load: ({ sessionId, owner }) => this.#load(sessionId, owner)
    })
    this.#lists = cache.family<OfUser, readonly SessionSummary[], OfUser>(keys.userSessions, {
      ...lifetime,
      // What the ids of sessions are stands in no store.
      placement: 'memory',
      tags: ({ userId }) => [sessionsOf(ownerOf(userId)), listOf(ownerOf(userId))],
      load: async ({ userId }) => (await repository.findByUser(userId)).map(toSummary)
    })
  }

  /** Begins a session. Rejects as the repository does. */
  async create({ userId, data, id = newSessionId(userId) }: NewSession<D>): Promise<Mutated<Session<D>>> {
    checkUserId(userId)
    const owner = ownerOf(userId)
    const told = ownerIn(id)
    if (told !== undefined && told !== owner) throw new TypeError('id must not be that of a session of somebody else')
    const nowMs = this.#now()
    const session: Session<D> = {
      id,
      userId,
      createdAtMs: nowMs,
      lastSeenAtMs: nowMs,
      expiresAtMs: nowMs + this.absoluteSeconds * 1_000,
      data
    }
    const insert = async () => {
      await this.#repository.insert(session)
      return session
    }
    const created = await this.#write(id, owner, insert, session)
    if (told === undefined) this.#owners.set(id, owner)
    this.#stats.created++
    return created
  }

  /** @returns the session; `undefined` when it was ended, is over or never was. Rejects as the repository does. */
  async get(sessionId: string, options?: SessionReadOptions): Promise<DeepReadonly<Session<D>> | undefined> {
    const owner = this.#knownOwner(sessionId) ?? (await this.#findOwner(sessionId))
    const session = owner === undefined ? null : await this.#sessions.get({ sessionId, owner }, options)
    if (session !== null && this.#now() < endOf(session, this.#idleMs)) {
      this.#stats.found++
      return session as DeepReadonly<Session<D>>
    }
    this.#stats.missing++
    return undefined
  }

  /**
   * Saves the data of a session, and nothing else of it.
   *
   * @returns `false`, and nothing is saved, when it has ended meanwhile. Rejects as the repository does.
   */
  async set(session: Pick<Session<D>, 'id' | 'data'>): Promise<Mutated<boolean>> {
    const { id, data } = session
    const owner = this.#knownOwner(id) ?? (await this.#findOwner(id))
    const saved = owner === undefined ? NOTHING : await this.#mutate(id, owner, () => this.#repository.update(id, data))
    this.#stats[saved.value ? 'saved' : 'refused']++
    return saved
  }

  /**
   * Notes that a session, as `get` has returned it, is used, so that it is not over yet; a use right after one that was
   * noted is not.
   *
   * @returns `false`, and nothing is noted, when it has ended or is over. Rejects as the repository does.
   */
  async touch(
    session: Pick<SessionSummary, 'id' | 'userId' | 'lastSeenAtMs' | 'expiresAtMs'>
  ): Promise<Mutated<boolean>> {
    const nowMs = this.#now()
    if (nowMs >= endOf(session, this.#idleMs)) {
      this.#stats.refused++
      return NOTHING
    }
    if (this.isUseNoted(session)) return ALREADY
    const { id } = session
    let touching = this.#touching.get(id)
    if (touching === undefined) {
      touching = this.#touch(id, ownerOf(session.userId), nowMs).finally(() => this.#touching.delete(id))
      this.#touching.set(id, touching)
    }
    return touching
  }

  /** Whether a use of this moment need not be noted: `touch` would do nothing. */
  isUseNoted({ lastSeenAtMs }: Pick<SessionSummary, 'lastSeenAtMs'>): boolean {
    return this.#now() - lastSeenAtMs < this.#touchMs
  }

  /** Ends a session. @returns whether it was there. Rejects as the repository does. */
  async delete(sessionId: string): Promise<Mutated<boolean>> {
    const owner = this.#knownOwner(sessionId) ?? (await this.#findOwner(sessionId))
    // One that is gone may be cached still, where nobody has been told of its end.
    const deleted = await this.#write(sessionId, owner ?? NOBODY, () => this.#repository.delete(sessionId))
    if (deleted.value) this.#stats.deleted++
    return deleted
  }

  /** The sessions of a user, those that were begun last first. Rejects as the repository does. */
  async getUserSessions(userId: string, options?: SessionReadOptions): Promise<SessionSummary[]> {
    const nowMs = this.#now()
    const all = await this.#lists.get({ userId }, options)
    return all.filter(session => nowMs < endOf(session, this.#idleMs)).sort((a, b) => b.createdAtMs - a.createdAtMs)
  }

  /** The ids of the sessions of a user, those that were begun last first. Rejects as the repository does. */
  async getUserSessionIds(userId: string, options?: SessionReadOptions): Promise<string[]> {
    return (await this.getUserSessions(userId, options)).map(({ id }) => id)
  }

  /**
   * Ends all sessions of a user, in one step for whoever reads them.
   *
   * @returns how many there were. Rejects as the repository does.
   */
  async deleteAllForUser(userId: string): Promise<Mutated<number>> {
    checkUserId(userId)
    const deleteAll = () => this.#repository.deleteByUser(userId)
    // The generation of what the user's sessions depend on is closed before one of them is gone: whatever becomes of this
    // process in between, nothing that was cached of them counts any more.
    const deleted = await this.#lists.mutate({ userId }, deleteAll, { tags: [sessionsOf(ownerOf(userId))] })
    this.#stats.revoked += deleted.value
    return deleted
  }

  stats(): SessionStats {
    return { ...this.#stats }
  }

  async #load(sessionId: string, owner: string): Promise<Session<D> | null> {
    const session = await this.#repository.find(sessionId)
    if (session === undefined || this.#now() >= endOf(session, this.#idleMs)) return null
    // Kept under the owner that was asked for, so that it must be his.
    return ownerOf(session.userId) === owner ? session : null
  }

  #knownOwner(sessionId: string): string | undefined {
    return ownerIn(sessionId) ?? this.#owners.get(sessionId)
  }

  /** Of an id that somebody else has made, once: the owner of a session never changes. `undefined` without a session. */
  async #findOwner(sessionId: string): Promise<string | undefined> {
    const session = await this.#repository.find(sessionId)
    if (session === undefined) return undefined
    const owner = ownerOf(session.userId)
    this.#owners.set(sessionId, owner)
    return owner
  }

  async #touch(sessionId: string, owner: string, nowMs: number): Promise<Mutated<boolean>> {
    const touched = await this.#mutate(sessionId, owner, () => this.#repository.touch(sessionId, nowMs))
    this.#stats[touched.value ? 'touched' : 'refused']++
    return touched
  }

  /** A write that a user's list shows. */
  #write<T>(sessionId: string, owner: string, write: () => Promise<T>, value?: Session<D>): Promise<Mutated<T>> {
    return this.#mutate(sessionId, owner, write, { value, tags: owner === NOBODY ? [] : [listOf(owner)] })
  }

  #mutate<T>(
    sessionId: string,
    owner: string,
    write: () => Promise<T>,
    { value, tags = [] }: { readonly value?: Session<D> | undefined; readonly tags?: readonly string[] } = {}
  ): Promise<Mutated<T>> {
    return this.#sessions.mutate({ sessionId, owner }, write, { ...(value !== undefined && { value }), tags })
  }

  /** Never past the end of the session. */
  #freshSeconds(session: SessionSummary, verifySeconds: number): number {
    return Math.max(0, Math.min(verifySeconds, (endOf(session, this.#idleMs) - this.#now()) / 1_000))
  }
}

const ACKNOWLEDGED = ok(undefined)
const NOTHING: Mutated<boolean> = Object.freeze({ value: false, invalidation: ACKNOWLEDGED })
const ALREADY: Mutated<boolean> = Object.freeze({ value: true, invalidation: ACKNOWLEDGED })

/**
 * Makes a cache in front of a repository of sessions.
 *
 * @throws TypeError when an option is wrong.
 */
export function createSessionCache<D = unknown>(options: SessionCacheOptions<D>): SessionCache<D> {
  const { repository, idleSeconds = 1, absoluteSeconds = 1, verifySeconds = 1 } = options
  if (typeof repository?.find !== 'function') throw new TypeError('repository must be a SessionRepository')
  for (const [name, value, max] of [
    ['idleSeconds', idleSeconds, Number.MAX_SAFE_INTEGER],
    ['absoluteSeconds', absoluteSeconds, Number.MAX_SAFE_INTEGER],
    ['verifySeconds', verifySeconds, MAX_VERIFY_SECONDS]
  ] as const) {
    // Written so that NaN fails.
    if (!(typeof value === 'number' && value > 0 && value <= max)) {
      throw new TypeError(`${name} must be a number above 0 and at most ${max}, got ${String(value)}`)
    }
  }
  if (
    repository.idleSeconds !== undefined &&
    (options.idleSeconds ?? repository.idleSeconds) !== repository.idleSeconds
  ) {
    throw new TypeError(`idleSeconds must be that of the repository, ${repository.idleSeconds}, got ${idleSeconds}`)
  }
  return new SessionCache(options)
}

function sessionsOf(owner: string): string {
  return `sessions:${owner}`
}

function listOf(owner: string): string {
  return `session-list:${owner}`
}

function toSummary({ id, userId, createdAtMs, lastSeenAtMs, expiresAtMs }: Session): SessionSummary {
  return { id, userId, createdAtMs, lastSeenAtMs, expiresAtMs }
}

function checkUserId(userId: unknown): void {
  if (userId !== null && typeof userId !== 'string') {
    throw new TypeError(`userId must be a string or null, got ${typeof userId}`)
  }
}
