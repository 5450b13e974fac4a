import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import pLimit from 'p-limit'
import type { Passwords } from '../../application/ports.ts'

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)

/** One of the equally strong choices of OWASP's Password Storage Cheat Sheet, with 16 MiB for each derivation. */
const LOG2_COST = 14
const BLOCK_SIZE = 8
const PARALLELIZATION = 5
const KEY_BYTES = 32

/** Of the four threads that Node computes with by default: checking access tokens must not queue behind sign-ins. */
const queue = pLimit(2)

/** No password is known to give this key: what is checked where there is no user. */
const DECOY = format(Buffer.alloc(16), Buffer.alloc(KEY_BYTES))

const FORMAT = /^\$scrypt\$ln=14,r=8,p=5\$([\w-]+)\$([\w-]+)$/

export const scryptPasswords: Passwords = {
  async hash(password) {
    const salt = randomBytes(16)
    return format(salt, await deriveKey(password, salt))
  },

  async matches(password, hash = DECOY) {
    const [, salt, key] = FORMAT.exec(hash) ?? []
    if (salt === undefined || key === undefined) throw new Error('a stored password hash is not in the format of today')
    const derived = await deriveKey(password, Buffer.from(salt, 'base64url'))
    return timingSafeEqual(derived, Buffer.from(key, 'base64url'))
  }
}

function deriveKey(password: string, salt: Buffer): Promise<Buffer> {
  // Two ways to type one letter are one password (NIST SP 800-63B, section 3.1.1.2).
  const text = password.normalize('NFKC')
  return queue(() => derive(text, salt, KEY_BYTES, { N: 2 ** LOG2_COST, r: BLOCK_SIZE, p: PARALLELIZATION }))
}

function format(salt: Buffer, key: Buffer): string {
  const parameters = `ln=${LOG2_COST},r=${BLOCK_SIZE},p=${PARALLELIZATION}`
  return `$scrypt$${parameters}$${salt.toString('base64url')}$${key.toString('base64url')}`
}
