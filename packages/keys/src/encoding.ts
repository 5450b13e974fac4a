import { hash } from 'node:crypto'

/** The longest text that stands in a key as it is, in UTF-16 units. What is longer ends in its SHA-256. */
export const MAX_ENCODED_LENGTH = 128

/** What stays readable of a long text. */
const HEAD_LENGTH = 48

/** No escape begins like this, so that no short text is mistaken for a long one. */
const LONG_MARK = '%~'

/**
 * Separators and escapes of ours (`:` `%`), hash tags of a cluster (`{}`), globs (`*?[]\`), control characters, and lone
 * surrogates, which UTF-8 cannot carry. In a `u` expression `\p{Cs}` leaves pairs alone.
 */
const UNSAFE = /[%:{}*?[\]\\\p{Cc}\p{Cs}]/u
const EVERY_UNSAFE = new RegExp(UNSAFE, 'gu')

/**
 * Replaces what must not stand in a key: `%3A` for `:`, `%uD800` for a lone surrogate. Different texts give different
 * escapes, because a `%` of the text is always escaped itself.
 */
export function escapeText(text: string): string {
  return UNSAFE.test(text) ? text.replace(EVERY_UNSAFE, escapeOne) : text
}

/** The form in which a text stands in a key: escaped, and of bounded length. Different texts have different forms. */
export function encodeText(text: string): string {
  const escaped = escapeText(text)
  return escaped.length <= MAX_ENCODED_LENGTH ? escaped : shorten(escaped)
}

function escapeOne(unsafe: string): string {
  const unit = unsafe.charCodeAt(0)
  const hex = unit.toString(16).toUpperCase()
  return unit > 0xff ? `%u${hex}` : `%${hex.padStart(2, '0')}`
}

function shorten(escaped: string): string {
  // After escaping every surrogate has its partner: a head that ends in a high one has cut a pair.
  const cutsPair = (escaped.charCodeAt(HEAD_LENGTH - 1) & 0xfc00) === 0xd800
  const head = escaped.slice(0, cutsPair ? HEAD_LENGTH - 1 : HEAD_LENGTH)
  return `${head}${LONG_MARK}${hash('sha256', escaped, 'base64url')}`
}
