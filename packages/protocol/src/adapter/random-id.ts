const ID_BYTES = 16
const BASE64URL = Uint8Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', character =>
  character.charCodeAt(0)
)

/** One call of the generator fills it for 256 ids: alone, each call costs several microseconds. */
const pool = new Uint8Array(256 * ID_BYTES)
let used = pool.length

/** 128 random bits as 22 characters of base64url: a token, or the id of a slot, an entry or a generation. */
export function randomId(): string {
  if (used === pool.length) {
    crypto.getRandomValues(pool)
    used = 0
  }
  const id = encode(pool, used)
  used += ID_BYTES
  return id
}

/** By hand because base64 in the browser's way costs more than the random bits, and Node's is not everywhere. */
function encode(bytes: Uint8Array, start: number): string {
  const codes: number[] = []
  let bits = 0
  let bitCount = 0
  for (let index = start; index < start + ID_BYTES; index++) {
    bits = (bits << 8) | (bytes[index] ?? 0)
    for (bitCount += 8; bitCount >= 6; ) {
      bitCount -= 6
      codes.push(BASE64URL[(bits >> bitCount) & 63] ?? 0)
    }
  }
  // 128 bits are 21 characters and two bits over.
  codes.push(BASE64URL[(bits << (6 - bitCount)) & 63] ?? 0)
  return String.fromCharCode(...codes)
}
