import { Packr, Unpackr } from 'msgpackr'
import { type Deserialized, findProblem, type ValueLimits } from './supported.ts'

/**
 * Records: objects are written as a reference to a structure (their property names), and each structure is written into
 * the entry that uses it, so that an entry decodes where nothing has been decoded before. `moreTypes` adds Set, typed
 * arrays and long bigints. No `toJSON`, no object identities: what these would change is refused beforehand.
 */
const packr = new Packr({ useRecords: true, moreTypes: true, useToJSON: false, structuredClone: false })
const unpackr = new Unpackr({
  useRecords: true,
  // Objects are records, so a map is a Map.
  mapsAsObjects: false,
  structuredClone: false,
  // A typed array that comes back holds no reference to the entry.
  copyBuffers: true
})

export function serialize(value: unknown): Uint8Array {
  return packr.pack(value)
}

export function deserialize(bytes: Buffer, limits: ValueLimits): Deserialized {
  // A view of its own: msgpackr hangs a property on what it reads. No Buffer, or binary data would come back as one.
  const value: unknown = unpackr.unpack(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  const problem = findProblem(value, 'messagePack', limits)
  if (problem === undefined) return { value }
  // What encode() refuses was not written by it: an Error, a regular expression.
  return problem === 'too_deep' ? problem : 'corrupt'
}
