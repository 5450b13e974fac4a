/**
 * The first byte of every entry, `10 v e cc ss`: format version, encrypted or not, compression, serializer.
 *
 * No UTF-8 text begins with `10xxxxxx`, so what something else wrote as text is told apart at once. Version 0 is the
 * only one so far; all that follows the byte may change with it. Numbers once given to a version stay what they are:
 * test/fixtures holds an entry of each.
 */
export interface Header {
  readonly serializer: SerializerName
  readonly compression: Compression | undefined
  readonly isEncrypted: boolean
}

export type SerializerName = 'json' | 'messagePack'

/** How entries are made smaller. */
export type Compression = 'gzip' | 'brotli' | 'zstd'

const MARK = 0b1000_0000
const MARK_AND_VERSION = 0b1110_0000
const ENCRYPTED = 0b0001_0000
const SERIALIZERS: readonly SerializerName[] = ['json', 'messagePack']
const COMPRESSIONS: readonly (Compression | undefined)[] = [undefined, 'gzip', 'brotli', 'zstd']

export function writeHeader({ serializer, compression, isEncrypted }: Header): number {
  const encrypted = isEncrypted ? ENCRYPTED : 0
  return MARK | encrypted | (COMPRESSIONS.indexOf(compression) << 2) | SERIALIZERS.indexOf(serializer)
}

/** Nothing when it is no entry of ours, or one of a later version. */
export function readHeader(byte: number | undefined): Header | undefined {
  return byte === undefined ? undefined : HEADERS[byte]
}

/** Indexed by the byte: reading one is a look-up. */
const HEADERS: readonly (Header | undefined)[] = Array.from({ length: 256 }, (_, byte) => {
  const serializer = SERIALIZERS[byte & 0b11]
  if ((byte & MARK_AND_VERSION) !== MARK || serializer === undefined) return undefined
  return { serializer, compression: COMPRESSIONS[(byte >> 2) & 0b11], isEncrypted: (byte & ENCRYPTED) !== 0 }
})
