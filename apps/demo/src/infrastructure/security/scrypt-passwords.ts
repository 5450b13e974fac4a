import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import pLimit from 'p-limit'
import type { Passwords } from '../../application/ports.ts'

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)

/** One of the equally strong choices of OWASP's Password Storage Cheat Sheet, with 16 MiB for each derivation. */
const OWASP: Cost = { ln: 14, r: 8, p: 5 }
const KEY_BYTES = 32
/** What one derivation may take: a stored hash is not trusted with more. */
const MOST_MEMORY_BYTES = 256 * 1024 * 1024

/** Of the four threads that Node computes with by default: checking access tokens must not queue behind sign-ins. */
const queue = pLimit(2)

/** Base 2 logarithm of the iterations, block size and parallelization: the parameters that RFC 7914 calls N, r and p. */
interface Cost {
  readonly ln: number
  readonly r: number
  readonly p: number
}

const FORMAT = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w-]+)\$([\w-]+)$/

/** Hashes tell what they cost, so that those of yesterday can be checked when new ones cost more. */
export function createScryptPasswords(cost: Cost = OWASP): Passwords {
  /** No password is known to give this key: what is checked where there is no user. */
  const decoy = format(cost, Buffer.alloc(16), Buffer.alloc(KEY_BYTES))
  return {
    async hash(password) {
      const salt = randomBytes(16)
      return format(cost, salt, await deriveKey(password, salt, cost))
    },

    async matches(password, hash = decoy) {
      const [, ln, r, p, salt, key] = FORMAT.exec(hash) ?? []
      if (salt === undefined || key === undefined)
        throw new Error('a stored password hash is not in the format of scrypt')
      const stored = { ln: Number(ln), r: Number(r), p: Number(p) }
      const derived = await deriveKey(password, Buffer.from(salt, 'base64url'), stored)
      return timingSafeEqual(derived, Buffer.from(key, 'base64url'))
    }
  }
}

function deriveKey(password: string, salt: Buffer, { ln, r, p }: Cost): Promise<Buffer> {
  // Two ways to type one letter are one password (NIST SP 800-63B, section 3.1.1.2).
  const text = password.normalize('NFKC')
  return queue(() => derive(text, salt, KEY_BYTES, { N: 2 ** ln, r, p, maxmem: MOST_MEMORY_BYTES }))
}

function format({ ln, r, p }: Cost, salt: Buffer, key: Buffer): string {
  return `$scrypt$ln=${ln},r=${r},p=${p}$${salt.toString('base64url')}$${key.toString('base64url')}`
}
