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
  readonly #size: number
  /** What of it can be changed without being replaced. */
  readonly #nested: readonly string[]
  #isSigned = false

  constructor(session: Cached) {
    this.session = session
    this.#content = JSON.parse(session.data)
    const names = ownNamesOf(this.#content)
    this.#size = names.length
    this.#nested = names.filter(name => isObject(this.#content[name]))
    this.#content[STORED] = this
  }

  static in(session: StoredSession): Stored | undefined {
    const stored = session[STORED]
    return stored instanceof Stored ? stored : undefined
  }

  putInto(session: StoredSession): void {
    session[STORED] = this
  }

  /**
   * Keeps how the plugin has signed the id, so that it need not do so at each request: it has that under symbols of its
   * own, and looks for it in what it is given.
   */
  noteSigned(session: StoredSession): void {
    if (this.#isSigned) return
    this.#isSigned = true
    for (const symbol of Object.getOwnPropertySymbols(session)) {
      const value: unknown = Reflect.get(session, symbol)
      if (typeof value === 'string' && value.startsWith(this.session.id)) Reflect.set(this.#content, symbol, value)
    }
  }

  /** For the plugin, which copies what it is given, but not what is deeper. */
  get content(): StoredSession {
    if (this.#nested.length === 0) return this.#content
    const content: Record<string, unknown> = { ...this.#content }
    for (const name of this.#nested) content[name] = copyOf(content[name])
    return content
  }

  /** Whether a session is as it was stored. */
  isSame(session: StoredSession): boolean {
    return this.#hasSameFields(session) || textOf(session) === this.session.data
  }

  toJSON(): number {
    return this.session.createdAtMs
  }

  #hasSameFields(session: StoredSession): boolean {
    const names = ownNamesOf(session)
    const [cookie, own] = [session.cookie as Cookie, this.#content.cookie as Cookie]
    return (
      names.length === this.#size &&
      names.every(name => Object.hasOwn(this.#content, name) && isEqual(session[name], this.#content[name])) &&
      (typeof own.originalMaxAge === 'number') === (typeof cookie.originalMaxAge === 'number') &&
      COOKIE.every(name => cookie[name] === own[name]) &&
      (typeof own.originalMaxAge === 'number' || (own.expires === null && cookie.expires === null))
    )
  }
}

/** What the app has put into a session. */
function ownNamesOf(session: StoredSession): string[] {
  return Object.keys(session).filter(name => name !== 'cookie' && name !== STORED)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Of what JSON can say, which is quicker than to read its text again. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  if (!isObject(value)) return value
  const copy = { ...value }
  for (const name of Object.keys(copy)) copy[name] = copyOf(copy[name])
  return copy
}

/** Whether something is what was read as JSON. Of what JSON cannot say it is `false`: then its text tells. */
function isEqual(value: unknown, json: unknown): boolean {
  if (value === json) return true
  if (!isObject(value) || !isObject(json)) return false
  if (Array.isArray(json)) {
    return (
      Array.isArray(value) && value.length === json.length && json.every((item, index) => isEqual(value[index], item))
    )
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false
  const names = Object.keys(value)
  return (
    names.length === Object.keys(json).length &&
    names.every(name => Object.hasOwn(json, name) && isEqual(value[name], json[name]))
  )
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
