import type { DeepReadonly } from '@dashtam/cache-protocol'
import type { Session } from './session.ts'

/** What `@fastify/session` keeps of a session: its cookie, and whatever the app has put into it. */
export type StoredSession = Record<string, unknown> & { readonly cookie?: unknown }

type Cached = DeepReadonly<Session<string>>

/** Under this name the plugin carries from `get` to `set` what was stored: it calls `set` for new sessions, too. */
const STORED = '__dashtam'

/** What a cookie is restored from; with `originalMaxAge` its `expires` is another at each request. */
const COOKIE = ['originalMaxAge', 'path', 'httpOnly', 'secure', 'sameSite', 'domain', 'partitioned'] as const

type Cookie = Readonly<Record<(typeof COOKIE)[number] | 'expires', unknown>>

/** A session as it was stored. For the app it is the time when that was first. */
export class Stored {
  readonly session: Cached
  readonly #content: StoredSession
  /** Whether nothing of it can be changed but by replacing it. */
  readonly #isFlat: boolean
  readonly #size: number

  constructor(session: Cached) {
    this.session = session
    this.#content = JSON.parse(session.data)
    const { cookie, ...own } = this.#content
    this.#isFlat = Object.values(own).every(value => typeof value !== 'object' || value === null)
    this.#size = Object.keys(own).length
    this.#content[STORED] = this
  }

  static in(session: StoredSession): Stored | undefined {
    const stored = session[STORED]
    return stored instanceof Stored ? stored : undefined
  }

  putInto(session: StoredSession): void {
    session[STORED] = this
  }

  /** For the plugin, which copies what it is given, but not what is deeper. */
  get content(): StoredSession {
    return this.#isFlat ? this.#content : { ...JSON.parse(this.session.data), [STORED]: this }
  }

  /** Whether a session is as it was stored. */
  isSame(session: StoredSession): boolean {
    return this.#isFlat ? this.#hasSameFields(session) || this.#hasSameText(session) : this.#hasSameText(session)
  }

  toJSON(): number {
    return this.session.createdAtMs
  }

  #hasSameFields(session: StoredSession): boolean {
    let count = 0
    for (const name of Object.keys(session)) {
      if (name === 'cookie' || name === STORED) continue
      if (session[name] !== this.#content[name]) return false
      count++
    }
    const [cookie, own] = [session.cookie as Cookie, this.#content.cookie as Cookie]
    return (
      count === this.#size &&
      (typeof own.originalMaxAge === 'number') === (typeof cookie.originalMaxAge === 'number') &&
      COOKIE.every(name => cookie[name] === own[name]) &&
      (typeof own.originalMaxAge === 'number' || (own.expires === null && cookie.expires === null))
    )
  }

  #hasSameText(session: StoredSession): boolean {
    return textOf(session) === this.session.data
  }
}

/** Whether there is nothing in a session but its cookie. */
export function isEmpty(session: StoredSession): boolean {
  return Object.keys(session).every(name => name === 'cookie')
}

/** @throws TypeError when what the app has put into it cannot be JSON. */
export function textOf(session: StoredSession): string {
  const content: Record<string, unknown> = {}
  // Not as a whole: the plugin keeps much in symbols.
  for (const name of Object.keys(session)) if (name !== STORED) content[name] = session[name]
  const cookie = session.cookie as Cookie
  content.cookie = Object.fromEntries(COOKIE.map(name => [name, cookie[name]]))
  if (typeof cookie.originalMaxAge !== 'number') Object.assign(content.cookie as object, { expires: cookie.expires })
  return JSON.stringify(content)
}
