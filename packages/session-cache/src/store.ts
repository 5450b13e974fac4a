import type { DeepReadonly } from '@dashtam/cache-protocol'
import type { Session } from './session.ts'
import type { SessionCache } from './session-cache.ts'

/** What the plugin keeps of a session: its cookie, and whatever the app has put into it. */
export type StoredSession = Record<string, unknown> & { readonly cookie?: unknown }

export interface SessionStoreOptions {
  /** The sessions; their data is what the plugin keeps, as JSON text. */
  readonly sessions: SessionCache<string>
  /**
   * Whose session it is; `undefined` while nobody is signed in.
   * @defaultValue the property `userId`, if it is a string
   */
  readonly userOf?: (session: StoredSession) => string | undefined
}

type Callback = (error?: unknown) => void

/** The part of a store that `@fastify/session` 11 uses. */
export interface SessionStore {
  get(sessionId: string, callback: (error: unknown, session?: StoredSession | null) => void): void
  set(sessionId: string, session: object, callback: Callback): void
  destroy(sessionId: string, callback: Callback): void
}

/** Under this name the plugin carries from `get` to `set` what was stored: it calls `set` for new sessions, too. */
const STORED = 'stored'

/** A session as it was stored. For the app it is the time when that was first. */
class Stored {
  readonly #session: DeepReadonly<Session<string>>

  constructor(session: DeepReadonly<Session<string>>) {
    this.#session = session
  }

  static in(session: StoredSession): DeepReadonly<Session<string>> | undefined {
    const stored = session[STORED]
    return stored instanceof Stored ? stored.#session : undefined
  }

  toJSON(): number {
    return this.#session.createdAtMs
  }
}

/**
 * Makes the `store` of `@fastify/session`.
 *
 * A session whose data is as it was is not written again. One that has ended is not brought back by a request that still
 * has it. One that holds nothing is not stored. How long a session lives is what the cache says; `cookie.maxAge` is for
 * the browser.
 *
 * A session keeps its user, so that nobody signs in to one that somebody else has the id of: `set` fails with a `TypeError`
 * when the user of one that a browser has already is another. Call `request.session.regenerate()` before the user is set,
 * and `request.session.destroy()` when he signs out.
 */
export function sessionStore({ sessions, userOf = userIdOf }: SessionStoreOptions): SessionStore {
  /** Stored by the request that is under way: no browser has seen their ids. */
  const fresh = new WeakSet<object>()

  function get(sessionId: string): Promise<StoredSession | null> {
    return sessions.get(sessionId).then(session => {
      if (session === undefined) return null
      const content: StoredSession = JSON.parse(session.data)
      content[STORED] = new Stored(session)
      return content
    })
  }

  /** Nothing to wait for, where there is nothing to do: at nearly every request. */
  function set(sessionId: string, session: StoredSession): Promise<unknown> | undefined {
    const stored = Stored.in(session)
    const userId = userOf(session) ?? null
    if (stored === undefined) return isEmpty(session) ? undefined : create(sessionId, session, userId)
    if (stored.userId !== userId) return adopt(sessionId, session, userId)
    const data = textOf(session)
    if (stored.data !== data) return update(sessionId, session, { ...stored, data })
    return sessions.isUseNoted(stored) ? undefined : sessions.touch(stored)
  }

  /** Refused if it was ended by another request, while this one was under way. */
  async function update(id: string, session: StoredSession, changed: DeepReadonly<Session<string>>): Promise<void> {
    await sessions.set({ id, data: changed.data })
    session[STORED] = new Stored(changed)
  }

  /** Somebody signs in to a session that no browser has seen, so that nobody else can have its id. */
  async function adopt(id: string, session: StoredSession, userId: string | null): Promise<void> {
    if (!fresh.has(session)) throw new TypeError(USER_CHANGED)
    await sessions.delete(id)
    await create(id, session, userId)
  }

  async function create(id: string, session: StoredSession, userId: string | null): Promise<void> {
    const { value } = await sessions.create({ id, userId, data: textOf(session) })
    session[STORED] = new Stored(value)
    fresh.add(session)
  }

  return {
    get: (sessionId, callback) => {
      get(sessionId).then(session => callback(null, session), callback)
    },
    set: (sessionId, session, callback) => {
      let writing: Promise<unknown> | undefined
      try {
        writing = set(sessionId, session as StoredSession)
      } catch (error) {
        // What the app has put into it cannot be JSON.
        return callback(error)
      }
      if (writing === undefined) callback()
      else writing.then(() => callback(), callback)
    },
    destroy: (sessionId, callback) => {
      sessions.delete(sessionId).then(() => callback(), callback)
    }
  }
}

const USER_CHANGED =
  'A session keeps its user: call request.session.regenerate() before a user is set, and destroy() when he signs out.'

function userIdOf({ userId }: StoredSession): string | undefined {
  return typeof userId === 'string' ? userId : undefined
}

function isEmpty(session: StoredSession): boolean {
  return Object.keys(session).every(name => name === 'cookie')
}

function textOf(session: StoredSession): string {
  const content: Record<string, unknown> = {}
  // Not as a whole: the plugin keeps much in symbols.
  for (const name of Object.keys(session)) if (name !== STORED) content[name] = session[name]
  content.cookie = cookieOf(session.cookie)
  return JSON.stringify(content)
}

/** Without what is another at each request. */
function cookieOf(cookie: unknown): object {
  const { expires, originalExpires, ...rest } = (cookie as { toJSON(): Record<string, unknown> }).toJSON()
  return typeof rest.originalMaxAge === 'number' ? rest : { ...rest, expires }
}
