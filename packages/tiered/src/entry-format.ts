/** What an entry says of itself, in front of its value. */
export interface EntryHeader {
  /** When the load began, in milliseconds since 1970. For people: nothing is decided by it, clocks differ. */
  readonly createdAtMs: number
  /** How long of its life it may be served after it has expired: what is left of its life beyond this is freshness. */
  readonly staleMs: number
  /** How long it was to be fresh when it was stored. */
  readonly freshMs: number
  /** The generations of the namespace and of its tags, as they were before the load. */
  readonly generations: readonly string[]
}

export interface ParsedEntry extends EntryHeader {
  /** The encoded value; absent when the value has not left the memory of the process that loaded it. */
  readonly payload: Uint8Array | undefined
}

/**
 * The first byte tells this format from every other. It stands behind the id that the store keeps in front of an entry;
 * an entry of another format is unreadable, so a miss, and is replaced.
 */
const FORMAT = 0x01
const WITHOUT_PAYLOAD = 0x01
const FIXED_BYTES = 4 + 3 * 8
const ID_BYTES = 22

/**
 * Format, flags, number of generations (two bytes), three doubles (created, fresh, stale), the generations' ids, the payload.
 */
export function writeEntry(header: EntryHeader, payload: Uint8Array | undefined): Uint8Array {
  const { createdAtMs, freshMs, staleMs, generations } = header
  const headerBytes = FIXED_BYTES + generations.length * ID_BYTES
  const bytes = Buffer.allocUnsafe(headerBytes + (payload?.length ?? 0))
  bytes[0] = FORMAT
  bytes[1] = payload === undefined ? WITHOUT_PAYLOAD : 0
  bytes.writeUInt16LE(generations.length, 2)
  bytes.writeDoubleLE(createdAtMs, 4)
  bytes.writeDoubleLE(freshMs, 12)
  bytes.writeDoubleLE(staleMs, 20)
  generations.forEach((id, index) => {
    bytes.write(id, FIXED_BYTES + index * ID_BYTES, ID_BYTES, 'latin1')
  })
  if (payload !== undefined) bytes.set(payload, headerBytes)
  return bytes
}

/** Nothing when it is not an entry of this format. */
export function readEntry(stored: Uint8Array): ParsedEntry | undefined {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.length)
  if (bytes[0] !== FORMAT || bytes.length < FIXED_BYTES) return undefined
  const headerBytes = FIXED_BYTES + bytes.readUInt16LE(2) * ID_BYTES
  if (bytes.length < headerBytes) return undefined
  const generations: string[] = []
  for (let at = FIXED_BYTES; at < headerBytes; at += ID_BYTES)
    generations.push(bytes.toString('latin1', at, at + ID_BYTES))
  return {
    createdAtMs: bytes.readDoubleLE(4),
    freshMs: bytes.readDoubleLE(12),
    staleMs: bytes.readDoubleLE(20),
    generations,
    payload: bytes[1] === WITHOUT_PAYLOAD ? undefined : bytes.subarray(headerBytes)
  }
}
