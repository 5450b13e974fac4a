import { createHash } from 'node:crypto'
import { createKeyRing, json, type KeyRing } from '@dashtam/cache-codecs'

/** Encrypts texts that the database keeps, each bound to what it belongs to. */
export interface SealedText {
  seal(text: string, owner: string): Uint8Array
  /** `undefined` when it was sealed with another secret or for another owner. */
  open(sealed: Uint8Array, owner: string): string | undefined
}

/** The keys that a secret stands for. */
export function keyRingOf(secret: string, purpose: string): KeyRing {
  const key = createHash('sha256').update(`${purpose}:${secret}`).digest()
  return createKeyRing({ current: '1', keys: { 1: key } })
}

export function createSealedText(secret: string): SealedText {
  const codec = json<string>({ compression: false, encryption: keyRingOf(secret, 'dashtam refresh tokens') })
  return {
    seal(text, owner) {
      const sealed = codec.encode(text, { key: owner })
      if (!sealed.ok) throw new Error(sealed.error.message)
      return sealed.value
    },

    open(sealed, owner) {
      const opened = codec.decode(sealed, { key: owner })
      return opened.ok ? opened.value : undefined
    }
  }
}
