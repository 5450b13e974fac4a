import { createHash } from 'node:crypto'
import type { CacheError, CacheProtocol, MemberIndex, Result, ValueCodec } from '@dashtam/cache-protocol'
import type { Session } from './session.ts'
import type { SessionKeys } from './session-cache.ts'
import type { SessionRepository } from './session-repository.ts'

export interface StoredSessionsOptions<D = unknown> {
  /** `app.cacheStore`, or another cache whose entries are not evicted: what it forgets is signed out. */
  readonly store: Pick<CacheProtocol, 'get' | 'set' | 'expire' | 'ttl' | 'delete' | 'deleteMany'>
  /** `app.cacheMembers`, or another index beside `store`. */
  readonly members: MemberIndex
  readonly keys: Pick<SessionKeys, 'session' | 'userSessions'>
  /** How long a session is kept that is not used, in seconds: the idle lifetime of the cache in front. @defaultValue 1800 */
  readonly idleSeconds?: number
  /** How sessions are encoded, such as `json` of `@dashtam/cache-codecs` with a key. @defaultValue JSON */
  readonly codec?: ValueCodec<Session<D> | null>
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: () => number
}

/** The store could not say. `cause` is its `CacheError`. */
export class SessionStoreError extends Error {
  override readonly name = 'SessionStoreError'
  readonly statusCode = 503
  readonly code = 'SESSION_STORE_ERROR'

  constructor(cause: CacheError) {
    const { code, message, reason } = cause
    super(`${code}${reason === undefined ? '' : ` (${reason})`}: ${message}`, { cause })
  }
}

const DEFAULT_IDLE_SECONDS = 30 * 60

/**
 * Sessions without a database: each under a key of its own, and by user in an index. A session is there while it is in the
 * index; so all sessions of a user end with one command, and what a slow request writes afterwards brings none back.
 */
export class StoredSessions<D = unknown> implements SessionRepository<D> {
  readonly #store: StoredSessionsOptions<D>['store']
  readonly #members: MemberIndex
  readonly #keys: StoredSessionsOptions<D>['keys']
  readonly #codec: ValueCodec<Session<D> | null> | undefined
  readonly #now: () => number
  readonly idleSeconds: number

  /** @throws TypeError when `idleSeconds` is no number above 0. */
  constructor({
    store,
    members,
    keys,
    idleSeconds = DEFAULT_IDLE_SECONDS,
    codec,
    now = Date.now
  }: StoredSessionsOptions<D>) {
    // Written so that NaN fails.
    if (!(typeof idleSeconds === 'number' && idleSeconds > 0 && idleSeconds < Infinity)) {
      throw new TypeError(`idleSeconds must be a number above 0, got ${String(idleSeconds)}`)
    }
    this.#store = store
    this.#members = members
    this.#keys = keys
    this.idleSeconds = idleSeconds
    this.#codec = codec
    this.#now = now
  }

  async find(sessionId: string): Promise<Session<D> | undefined> {
    const session = await this.#read(sessionId)
    return session !== undefined && (await this.#isListed(session)) ? session : undefined
  }

  async insert(session: Session<D>): Promise<void> {
    if ((await this.#read(session.id)) !== undefined) throw new Error('there is a session of this id already')
    await this.#write(session)
    // Those that are over make room, and only then it is there: what is in the index has had its key, so that whoever finds
    // none may take it out.
    if (session.userId !== null) await this.findByUser(session.userId)
    await this.#list(session)
  }

  async update(sessionId: string, data: D): Promise<boolean> {
    const session = await this.find(sessionId)
    if (session === undefined) return false
    await this.#write({ ...session, data })
    // Ended meanwhile: then what was written is nobody's.
    return this.#isListed(session)
  }

  async touch(sessionId: string): Promise<boolean> {
    if ((await this.find(sessionId)) === undefined) return false
    // When it was used last is told by how long it will still be there.
    return unwrap(await this.#store.expire(this.#keys.session({ sessionId }), this.idleSeconds))
  }

  async delete(sessionId: string): Promise<boolean> {
    const session = await this.#read(sessionId)
    if (session === undefined) return false
    const removed = unwrap(await this.#members.remove(this.#ownerKey(session), [sessionId]))
    unwrap(await this.#store.delete(this.#keys.session({ sessionId })))
    return removed > 0
  }

  async findByUser(userId: string): Promise<readonly Session<D>[]> {
    const owner = this.#keys.userSessions({ userId })
    const ids = unwrap(await this.#members.members(owner))
    const sessions = await Promise.all(ids.map(id => this.#read(id)))
    const over = ids.filter((_, index) => sessions[index] === undefined)
    if (over.length > 0) unwrap(await this.#members.remove(owner, over))
    return sessions.filter(session => session !== undefined)
  }

  async deleteByUser(userId: string): Promise<number> {
    const owner = this.#keys.userSessions({ userId })
    const ids = await this.#members.members(owner)
    const deleted = unwrap(await this.#members.clear(owner))
    // What is left of them counts no more, and goes by itself.
    if (ids.ok) await this.#store.deleteMany(ids.value.map(sessionId => this.#keys.session({ sessionId })))
    return deleted
  }

  async #read(sessionId: string): Promise<Session<D> | undefined> {
    const key = this.#keys.session({ sessionId })
    const [text, ttlSeconds] = await Promise.all([this.#store.get(key), this.#store.ttl(key)])
    const stored = unwrap(text)
    const remaining = unwrap(ttlSeconds)
    if (stored === undefined || remaining === undefined) return undefined
    const session = this.#decode(stored, key)
    return session && { ...session, lastSeenAtMs: this.#now() - (this.idleSeconds - remaining) * 1_000 }
  }

  async #write(session: Session<D>): Promise<void> {
    const key = this.#keys.session({ sessionId: session.id })
    unwrap(await this.#store.set(key, this.#encode(session, key), { ttlSeconds: this.idleSeconds }))
  }

  async #list(session: Session<D>): Promise<void> {
    const ttlSeconds = (session.expiresAtMs - this.#now()) / 1_000
    unwrap(await this.#members.add(this.#ownerKey(session), session.id, ttlSeconds))
  }

  async #isListed(session: Session<D>): Promise<boolean> {
    return unwrap(await this.#members.members(this.#ownerKey(session))).includes(session.id)
  }

  /** A session of nobody is listed alone. */
  #ownerKey({ id, userId }: Session<D>): string {
    if (userId !== null) return this.#keys.userSessions({ userId })
    return this.#keys.userSessions({ userId: `nobody ${createHash('sha256').update(id).digest('base64url')}` })
  }

  #encode(session: Session<D>, key: string): string {
    if (this.#codec === undefined) return JSON.stringify(session)
    const encoded = this.#codec.encode(session, { key })
    if (!encoded.ok) throw new TypeError(`the session cannot be encoded: ${encoded.error.message}`)
    return Buffer.from(encoded.value).toString('base64')
  }

  /** Of what cannot be read nothing is known: it is no session. */
  #decode(text: string, key: string): Session<D> | undefined {
    if (this.#codec !== undefined) {
      const decoded = this.#codec.decode(Buffer.from(text, 'base64'), { key })
      return decoded.ok && decoded.value !== null ? decoded.value : undefined
    }
    try {
      return JSON.parse(text) as Session<D>
    } catch {
      return undefined
    }
  }
}

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new SessionStoreError(result.error)
  return result.value
}
