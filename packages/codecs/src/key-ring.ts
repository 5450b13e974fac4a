import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'

export interface KeyRingOptions {
  /** The id of the key that entries are written with: one of `keys`. */
  readonly current: string
  /**
   * Every key that entries are read with, by its id: 32 random bytes each, copied. An id stands readable in every entry
   * and is 1 to 64 of `A-Z a-z 0-9 . _ -`.
   */
  readonly keys: Readonly<Record<string, Uint8Array>>
}

const ALGORITHM = 'aes-256-gcm'
const KEY_BYTES = 32
/** The length that GCM is made for, and the longest random one without hashing (NIST SP 800-38D, section 8.2). */
const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_ID = /^[A-Za-z0-9._-]{1,64}$/

/** What encryption adds to an entry at most: the key's id and its length, the nonce, the tag. */
export const MAX_ENCRYPTION_OVERHEAD_BYTES = 1 + 64 + NONCE_BYTES + TAG_BYTES

/**
 * The keys of encrypted entries: one to write with, any number to read with. It holds them as opaque key objects, so
 * that none shows up in an error, a log, `util.inspect` or JSON. Made by {@link createKeyRing}.
 */
export class KeyRing {
  readonly #keys: ReadonlyMap<string, KeyObject>
  readonly #current: KeyObject
  /** The length of the current key's id, and the id. */
  readonly #currentId: Buffer

  /** @internal */
  constructor(keys: ReadonlyMap<string, KeyObject>, currentId: string, current: KeyObject) {
    this.#keys = keys
    this.#current = current
    this.#currentId = Buffer.from(`${String.fromCharCode(currentId.length)}${currentId}`, 'latin1')
  }

  /** @internal Encrypts `body` into an entry: first byte, key id, nonce, ciphertext, tag. */
  seal(firstByte: number, body: Uint8Array, cacheKey: string): Buffer {
    const header = Buffer.concat([Buffer.of(firstByte), this.#currentId])
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(ALGORITHM, this.#current, nonce, { authTagLength: TAG_BYTES })
    cipher.setAAD(associatedData(header, cacheKey))
    return Buffer.concat([header, nonce, cipher.update(body), cipher.final(), cipher.getAuthTag()])
  }

  /** @internal Decrypts what `seal` made. */
  open(entry: Uint8Array, cacheKey: string): Buffer | 'corrupt' | 'unknown_key' | 'unauthentic' {
    const nonceAt = 2 + (entry[1] ?? 0)
    const bodyAt = nonceAt + NONCE_BYTES
    const tagAt = entry.length - TAG_BYTES
    if (tagAt < bodyAt) return 'corrupt'
    const header = Buffer.from(entry.buffer, entry.byteOffset, nonceAt)
    const key = this.#keys.get(header.toString('latin1', 2))
    if (key === undefined) return 'unknown_key'
    const decipher = createDecipheriv(ALGORITHM, key, entry.subarray(nonceAt, bodyAt), { authTagLength: TAG_BYTES })
    decipher.setAAD(associatedData(header, cacheKey))
    decipher.setAuthTag(entry.subarray(tagAt))
    const body = decipher.update(entry.subarray(bodyAt, tagAt))
    try {
      decipher.final()
    } catch {
      return 'unauthentic'
    }
    return body
  }
}

/**
 * Makes the key ring of encrypted codecs. To rotate without losing an entry, add the new key to every process first,
 * then make it `current`, and drop the old one when the last entry written with it has expired.
 *
 * @throws TypeError when a key has not 32 bytes, an id is not one, or `current` names none of the keys.
 */
export function createKeyRing({ current, keys }: KeyRingOptions): KeyRing {
  if (typeof keys !== 'object' || keys === null) {
    throw new TypeError('keys must be an object of 32 bytes for each key id')
  }
  const byId = new Map<string, KeyObject>()
  for (const [id, key] of Object.entries(keys)) {
    if (!KEY_ID.test(id)) throw new TypeError('keys: an id must be 1 to 64 of A-Z a-z 0-9 . _ -')
    if (!(key instanceof Uint8Array)) throw new TypeError(`keys: '${id}' must be a Uint8Array, got ${typeof key}`)
    if (key.length !== KEY_BYTES) throw new TypeError(`keys: '${id}' must have 32 bytes, got ${key.length}`)
    byId.set(id, createSecretKey(key))
  }
  const currentKey = byId.get(current)
  if (currentKey === undefined) {
    throw new TypeError(`current must be one of the ids in keys (${[...byId.keys()].join(', ') || 'there are none'})`)
  }
  return new KeyRing(byId, current, currentKey)
}

/**
 * What is authenticated and not encrypted: the header, so that none of its bits can be changed, and the cache key, so
 * that the entry cannot be moved to another one. The header tells its own length, so the two cannot be confused; in
 * UTF-16 all cache keys differ, where UTF-8 would make one of all lone surrogates.
 */
function associatedData(header: Buffer, cacheKey: string): Buffer {
  return Buffer.concat([header, Buffer.from(cacheKey, 'utf16le')])
}
