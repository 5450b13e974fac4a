import { encodeText } from './encoding.ts'
import type { Hasher } from './secret.ts'

/** What a parameter may be. `1` and `'1'` are the same, and so are `0` and `-0`. */
export type KeyParam = string | number

/** Stands for '' in a hash tag: Redis ignores `{}` and would spread the keys over all slots. No escape ends after `%`. */
const EMPTY_HASH_TAG = '%'

export interface ParameterOptions {
  /** The family that it belongs to, for messages. */
  readonly family: string
  readonly name: string
  readonly isHashTag?: boolean
  /** Present when the value must not be readable in the key. */
  readonly hasher?: Hasher | undefined
}

/** A named place in a key, and how a value is written there. */
export class Parameter {
  readonly name: string
  readonly #family: string
  readonly #isHashTag: boolean
  readonly #hasher: Hasher | undefined
  #looksForEmail: boolean

  constructor({ family, name, isHashTag = false, hasher }: ParameterOptions) {
    this.name = name
    this.#family = family
    this.#isHashTag = isHashTag
    this.#hasher = hasher
    this.#looksForEmail = hasher === undefined && isDevelopment()
  }

  /** @throws TypeError when `value` is not a string or a safe integer. Never quotes it. */
  encode(value: unknown): string {
    const text = this.#textOf(value)
    if (this.#looksForEmail && looksLikeEmail(text)) this.#warnOfEmail()
    if (this.#hasher !== undefined) return this.#hasher(text)
    return text === '' && this.#isHashTag ? EMPTY_HASH_TAG : encodeText(text)
  }

  #textOf(value: unknown): string {
    if (typeof value === 'string') return value
    if (Number.isSafeInteger(value)) return String(value)
    throw new TypeError(
      `${this.#family}: parameter ${this.name} must be a string or a safe integer, got ${kindOf(value)}`
    )
  }

  /** Once: whoever builds such a key builds it for every user. */
  #warnOfEmail(): void {
    this.#looksForEmail = false
    process.emitWarning(
      `Cache keys of the family '${this.#family}' hold what looks like an e-mail address, in the parameter ` +
        `'${this.name}'. Keys show up in logs and tools: use an opaque id, or declare the parameter as hashed.`,
      { code: 'DASHTAM_CACHE_KEYS_PII' }
    )
  }
}

function isDevelopment(): boolean {
  const { NODE_ENV } = process.env
  return NODE_ENV === undefined || NODE_ENV === 'development'
}

/** The longest address that a mail server accepts (RFC 3696, erratum 1690). It also bounds the work of the expression. */
const MAX_EMAIL_LENGTH = 254

function looksLikeEmail(text: string): boolean {
  return text.length <= MAX_EMAIL_LENGTH && text.includes('@') && /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'number' ? 'a number that is none' : typeof value
}
