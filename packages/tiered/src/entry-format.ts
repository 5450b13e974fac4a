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

/** Reads no more of the header than it is asked for: of most hits that is nothing but the generations. */
class StoredEntry implements ParsedEntry {
  readonly generations: readonly string[]
  readonly #bytes: Buffer

  constructor(bytes: Buffer, generations: readonly string[]) {
    this.#bytes = bytes
    this.generations = generations
  }

  get createdAtMs(): number {
    return this.#bytes.readDoubleLE(4)
  }

  get freshMs(): number {
    return this.#bytes.readDoubleLE(12)
  }

  get staleMs(): number {
    return this.#bytes.readDoubleLE(20)
  }

  get payload(): Uint8Array | undefined {
    if (this.#bytes[1] === WITHOUT_PAYLOAD) return undefined
    return this.#bytes.subarray(FIXED_BYTES + this.generations.length * ID_BYTES)
  }
}

/** Nothing when it is not an entry of this format. */
export function readEntry(stored: Uint8Array): ParsedEntry | undefined {
  if (stored[0] !== FORMAT || stored.length < FIXED_BYTES) return undefined
  const bytes = Buffer.isBuffer(stored) ? stored : Buffer.from(stored.buffer, stored.byteOffset, stored.length)
  const headerBytes = FIXED_BYTES + bytes.readUInt16LE(2) * ID_BYTES
  if (bytes.length < headerBytes) return undefined
  const generations: string[] = []
  for (let at = FIXED_BYTES; at < headerBytes; at += ID_BYTES) {
    generations.push(bytes.toString('latin1', at, at + ID_BYTES))
  }
  return new StoredEntry(bytes, generations)
}
