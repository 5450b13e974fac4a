/** The longest key that a cache accepts, in UTF-16 units. `@dashtam/cache-keys` hashes long parameters well before it. */
export const MAX_KEY_LENGTH = 8_192

/**
 * Keys whose first character after `<keyspace>:` is this one belong to the read-through engine. The port refuses them,
 * and its bulk operations pass over them: deleting a slot that the engine holds closed would let a stale value in.
 */
export const ENGINE_MARK = '~'

/** Literal in a glob, in a cluster (no hash tag) and in a log. */
const KEYSPACE = /^[A-Za-z0-9_.-]{1,64}$/

/** The part of the key universe that one cache may touch: everything that begins with `<keyspace>:`. */
export class Keyspace {
  readonly name: string
  readonly prefix: string

  /**
   * @param option - What the caller calls it, for the message.
   * @throws TypeError when the name is not 1 to 64 of `A-Z a-z 0-9 _ . -`.
   */
  constructor(name: string, option = 'keyspace') {
    if (typeof name !== 'string' || !KEYSPACE.test(name)) {
      throw new TypeError(
        `${option} must be 1 to 64 characters of A-Z a-z 0-9 _ . -, as in 'dashtam'; got ${JSON.stringify(name)}`
      )
    }
    this.name = name
    this.prefix = `${name}:`
  }

  /** Says what is wrong with `key`, or nothing. Never quotes it. */
  problemOfKey(key: string): string | undefined {
    if (typeof key !== 'string') return `the key must be a string, got ${kindOf(key)}`
    if (!key.startsWith(this.prefix)) return `the key must begin with '${this.prefix}', this cache's keyspace`
    if (this.isEngineKey(key)) return `keys that begin with '${this.prefix}${ENGINE_MARK}' are reserved for the engine`
    return problemOfText('key', key)
  }

  /** Says what is wrong with a glob, or nothing. Its wildcards must not reach beyond the keyspace. */
  problemOfPattern(pattern: string): string | undefined {
    if (typeof pattern !== 'string') return `the pattern must be a string, got ${kindOf(pattern)}`
    if (!pattern.startsWith(this.prefix)) return `the pattern must begin with '${this.prefix}', this cache's keyspace`
    return problemOfText('pattern', pattern)
  }

  isEngineKey(key: string): boolean {
    return key.startsWith(ENGINE_MARK, this.prefix.length)
  }
}

function problemOfText(what: 'key' | 'pattern', text: string): string | undefined {
  if (text.length > MAX_KEY_LENGTH)
    return `the ${what} must be at most ${MAX_KEY_LENGTH} characters, got ${text.length}`
  // Encoded as UTF-8 every lone surrogate becomes U+FFFD: two different keys would be one.
  if (!text.isWellFormed()) return `the ${what} must be well-formed Unicode, it has a lone surrogate`
  return undefined
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}
