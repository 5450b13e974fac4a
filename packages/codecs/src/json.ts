import { isUtf8 } from 'node:buffer'

export function serialize(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

export function deserialize(bytes: Buffer): unknown {
  // toString() would put U+FFFD for what is no UTF-8, and a damaged string would pass for a value.
  if (!isUtf8(bytes)) throw new SyntaxError('not UTF-8')
  return JSON.parse(bytes.toString())
}
