import { isUtf8 } from 'node:buffer'
import { type Deserialized, isDeeperThan, type ValueLimits } from './supported.ts'

export function serialize(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

export function deserialize(bytes: Buffer, { maxDepth }: ValueLimits): Deserialized {
  // toString() would put U+FFFD for what is no UTF-8, and a damaged string would pass for a value.
  if (!isUtf8(bytes)) return 'corrupt'
  const value: unknown = JSON.parse(bytes.toString())
  return isDeeperThan(maxDepth, value) ? 'too_deep' : { value }
}
