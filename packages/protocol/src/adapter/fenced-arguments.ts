import type { SlotEntry } from '../fenced-store.ts'
import { MAX_KEY_LENGTH } from './keyspace.ts'
import { MAX_TTL_SECONDS } from './lifetime.ts'

/** What operations of a fenced store take beside keys. */
export interface FencedArguments {
  readonly token?: string
  readonly durationMs?: number
  readonly holdMs?: number | undefined
  readonly entry?: SlotEntry | undefined
  readonly names?: readonly string[]
  readonly occasions?: readonly string[]
}

/** The last character never is a dash, which 128 bits do not give: so nobody can come as the writer that nobody is. */
const ID = /^[A-Za-z0-9_-]{21}[A-Za-z0-9_]$/
const MAX_DURATION_MS = MAX_TTL_SECONDS * 1_000

/**
 * Says what is wrong with the arguments, or nothing. Quotes nothing of them but numbers. A store may keep what passes in
 * fields of fixed length.
 */
export function problemOfFencedArguments(given: FencedArguments): string | undefined {
  const { token, durationMs, holdMs, entry, names = [], occasions = [] } = given
  if ('token' in given && !isId(token)) return 'the token must be 22 characters of base64url'
  if ('durationMs' in given && !isDuration(durationMs)) return problemOfDuration('durationMs', durationMs)
  if (holdMs !== undefined && !isDuration(holdMs)) return problemOfDuration('holdMs', holdMs)
  if (holdMs !== undefined && entry !== undefined) return 'a slot cannot be held (holdMs) and filled (entry) at once'
  return (
    (entry && problemOfEntry(entry)) ??
    names.map(name => problemOfText('name of a generation', name)).find(Boolean) ??
    occasions.map(occasion => problemOfText('occasion', occasion)).find(Boolean)
  )
}

function problemOfEntry({ id, bytes, ttlMs }: SlotEntry): string | undefined {
  if (!isId(id)) return 'the id of an entry must be 22 characters of base64url'
  if (!(bytes instanceof Uint8Array)) return 'the bytes of an entry must be a Uint8Array'
  return ttlMs === Infinity || isDuration(ttlMs) ? undefined : problemOfDuration('ttlMs', ttlMs)
}

function problemOfText(what: string, text: string): string | undefined {
  if (typeof text !== 'string') return `the ${what} must be a string, got ${typeof text}`
  if (text.length > MAX_KEY_LENGTH) return `the ${what} must be at most ${MAX_KEY_LENGTH} characters`
  return text.isWellFormed() ? undefined : `the ${what} must be well-formed Unicode, it has a lone surrogate`
}

function problemOfDuration(name: string, got: unknown): string {
  const shown = typeof got === 'number' ? String(got) : typeof got
  return `${name} must be an integer from 1 to ${MAX_DURATION_MS}, got ${shown}`
}

function isId(id: unknown): boolean {
  return typeof id === 'string' && ID.test(id)
}

function isDuration(ms: unknown): boolean {
  return Number.isSafeInteger(ms) && (ms as number) >= 1 && (ms as number) <= MAX_DURATION_MS
}
