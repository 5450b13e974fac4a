import type { DeepReadonly } from '@dashtam/cache-protocol'
import type { Session } from './session.ts'
import type { SessionCache } from './session-cache.ts'
import { isEmpty, Stored, type StoredSession, textOf } from './stored.ts'

export type { StoredSession }

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
  // biome-ignore lint/suspicious/noExplicitAny: a session of the plugin, whose type is the app's
  get(sessionId: string, callback: (error: unknown, session?: any) => void): void
  set(sessionId: string, session: object, callback: Callback): void
  destroy(sessionId: string, callback: Callback): void
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

  /** By what is cached, which all who read it share. */
  const known = new WeakMap<object, Stored>()

  async function get(sessionId: string): Promise<StoredSession | null> {
    const session = await sessions.get(sessionId)
    if (session === undefined) return null
    let stored = known.get(session)
    if (stored === undefined) {
      stored = new Stored(session)
      known.set(session, stored)
    }
    return stored.content
  }

  /** Nothing to wait for, where there is nothing to do: at nearly every request. */
  function set(sessionId: string, session: StoredSession): Promise<unknown> | undefined {
    const stored = Stored.in(session)
    const userId = userOf(session) ?? null
    if (stored === undefined) return isEmpty(session) ? undefined : create(sessionId, session, userId)
    if (stored.session.userId !== userId) return adopt(sessionId, session, userId)
    stored.noteSigned(session)
    if (!stored.isSame(session)) return update(session, { ...stored.session, data: textOf(session) })
    return sessions.isUseNoted(stored.session) ? undefined : sessions.touch(stored.session)
  }

  /** Refused if it was ended by another request, while this one was under way. */
  async function update(session: StoredSession, changed: DeepReadonly<Session<string>>): Promise<void> {
    await sessions.set(changed)
    if (!sessions.isUseNoted(changed)) await sessions.touch(changed)
    new Stored(changed).putInto(session)
  }

  /** Somebody signs in to a session that no browser has seen, so that nobody else can have its id. */
  async function adopt(id: string, session: StoredSession, userId: string | null): Promise<void> {
    if (!fresh.has(session)) throw new TypeError(USER_CHANGED)
    await sessions.delete(id)
    await create(id, session, userId)
  }

  async function create(id: string, session: StoredSession, userId: string | null): Promise<void> {
    const { value } = await sessions.create({ id, userId, data: textOf(session) })
    new Stored(value).putInto(session)
    fresh.add(session)
  }

  return {
    get: (sessionId, callback) => settle(get(sessionId), callback),
    set: (sessionId, session, callback) => {
      let writing: Promise<unknown> | undefined
      try {
        writing = set(sessionId, session as StoredSession)
      } catch (error) {
        // What the app has put into it cannot be JSON.
        return callback(error)
      }
      if (writing === undefined) callback()
      else settle(writing, error => callback(error))
    },
    destroy: (sessionId, callback) => settle(sessions.delete(sessionId), error => callback(error))
  }
}

/** What the callback throws is handed to it: past a promise nobody else would hear of it, and the process would end. */
function settle<T>(promise: Promise<T>, callback: (error: unknown, value?: T) => void): void {
  promise.then(value => callback(null, value)).catch(callback)
}

const USER_CHANGED =
  'A session keeps its user: call request.session.regenerate() before a user is set, and destroy() when he signs out.'

function userIdOf({ userId }: StoredSession): string | undefined {
  return typeof userId === 'string' ? userId : undefined
}
