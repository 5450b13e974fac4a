import { createHmac, createSecretKey } from 'node:crypto'
import { RecentMap } from '@dashtam/cache-protocol/adapter'
import { escapeText } from './encoding.ts'

/** As long as the digest: a shorter one is easier to guess than the hash is to invert (RFC 2104, section 3). */
const MIN_SECRET_BYTES = 32

/** Sets our digests apart from whatever else the app signs with the same secret, such as its cookies. */
const PURPOSE = 'dashtam cache key:'

/** A digest takes longer than everything else about a key, and most keys are built again and again. */
const REMEMBERED = 4_096
/** A longer text is not worth its memory. */
const MAX_REMEMBERED_LENGTH = 256

/** Turns the text of a parameter into what stands for it in a key. */
export type Hasher = (text: string) => string

/**
 * HMAC-SHA-256 under the app's secret, in base64url: 43 characters, none of which needs escaping.
 *
 * @throws TypeError when the secret is not a string or bytes, or is shorter than 32 bytes. Never quotes it.
 */
export function createHasher(secret: string | Uint8Array): Hasher {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
    throw new TypeError(`secret must be a string or a Uint8Array, got ${secret === null ? 'null' : typeof secret}`)
  }
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new TypeError(`secret must have at least ${MIN_SECRET_BYTES} bytes, got ${bytes.length}`)
  }
  const key = createSecretKey(bytes)
  const known = new RecentMap<string>(REMEMBERED)
  return text => {
    const remembered = known.get(text)
    if (remembered !== undefined) return remembered
    // Escaped first: as UTF-8 all lone surrogates would be one character, and give one digest.
    const digest = createHmac('sha256', key)
      .update(PURPOSE + escapeText(text))
      .digest('base64url')
    if (text.length <= MAX_REMEMBERED_LENGTH) known.set(text, digest)
    return digest
  }
}
