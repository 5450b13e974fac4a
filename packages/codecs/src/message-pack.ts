import { Packr, Unpackr } from 'msgpackr'

/**
 * Records: objects are written as a reference to a structure (their property names), and each structure is written into
 * the entry that uses it, so that an entry decodes where nothing has been decoded before. `moreTypes` adds Set, typed
 * arrays and long bigints. No `toJSON`, no object identities: what these would change is refused beforehand.
 */
const packr = new Packr({ useRecords: true, moreTypes: true, useToJSON: false, structuredClone: false })
// Objects are records, so a map is a Map.
const unpackr = new Unpackr({ useRecords: true, mapsAsObjects: false, structuredClone: false })

export function serialize(value: unknown): Uint8Array {
  return packr.pack(value)
}

export function deserialize(bytes: Buffer): unknown {
  // A view of its own: msgpackr hangs a property on what it reads. No Buffer, or binary data would come back as one.
  return unpackr.unpack(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
}
