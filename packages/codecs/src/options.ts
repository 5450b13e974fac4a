import type { StandardSchemaV1 } from '@standard-schema/spec'
import { COMPRESSIONS } from './compression.ts'
import type { Compression } from './header.ts'
import { KeyRing } from './key-ring.ts'
import { createSchemaCheck, type SchemaCheck } from './schema.ts'

/** How a codec writes entries, and which it accepts. It reads both serializers and every compression, whatever it writes. */
export interface CodecOptions {
  /**
   * How entries are compressed: at the fastest level, and only when they get smaller.
   * @defaultValue `'gzip'`; at 4 KiB it reads twice as fast as `'zstd'`, which is the better one from some 100 KiB on
   */
  readonly compression?: Compression | false
  /**
   * The size of a serialized value from which it is compressed, in bytes; an integer of at least 0.
   * @defaultValue 1024
   */
  readonly compressFromBytes?: number
  /**
   * Encrypts entries with AES-256-GCM, bound to their cache keys. What is not encrypted is then refused when read, with
   * the reason `unauthentic`: whoever can write to the store could otherwise put plain entries there.
   * @defaultValue nothing is encrypted
   */
  readonly encryption?: KeyRing
  /**
   * The largest value that is written or read, in bytes before compression; an integer from 1 to 256 MiB. Inflating
   * stops there.
   * @defaultValue 8 MiB (8388608)
   */
  readonly maxValueBytes?: number
  /**
   * How deep arrays, objects, maps and sets may be nested, written or read; an integer from 1 to 1000.
   * @defaultValue 100
   */
  readonly maxDepth?: number
}

export interface SchemaOption<S extends StandardSchemaV1> {
  /**
   * Checks what is read; what does not fit is unreadable, with the reason `schema`. Any synchronous Standard Schema.
   * One that answers with a Promise is refused at once if it does so for `undefined`; later it is warned about, once,
   * and what it should have checked is unreadable.
   *
   * It only checks. The reader gets the value that was stored, not the output of the schema: a transformation would be
   * applied anew by each reading, to what it has already transformed, and the value would differ from the one that a
   * cache in memory still holds. So `T` is the *input* type of the schema, in which what has a default is optional.
   */
  readonly schema: S
}

export interface ResolvedOptions {
  readonly compression: Compression | false
  readonly compressFromBytes: number
  readonly encryption: KeyRing | undefined
  readonly maxValueBytes: number
  readonly maxDepth: number
  /** Absent without a schema. */
  readonly fitsSchema: SchemaCheck | undefined
}

const LARGEST_MAX_VALUE_BYTES = 256 * 1024 * 1024
/** msgpackr and the inspection recurse: a thousand levels take a tenth of the stack. */
const LARGEST_MAX_DEPTH = 1_000

/** @throws TypeError for an option that is unknown or has a bad value. */
export function resolveOptions(caller: string, options: CodecOptions & { schema?: StandardSchemaV1 }): ResolvedOptions {
  const {
    compression = 'gzip',
    compressFromBytes = 1024,
    encryption,
    maxValueBytes = 8 * 1024 * 1024,
    maxDepth = 100,
    schema,
    ...unknown
  } = options
  const [stray] = Object.keys(unknown)
  if (stray !== undefined) throw new TypeError(`${caller}: unknown option '${stray}'`)
  if (compression !== false && !COMPRESSIONS.includes(compression)) {
    throw new TypeError(`${caller}: compression must be one of ${COMPRESSIONS.join(', ')} or false, got ${compression}`)
  }
  if (encryption !== undefined && !(encryption instanceof KeyRing)) {
    // Not quoted: it may hold the keys.
    throw new TypeError(`${caller}: encryption must be made by createKeyRing(), got something else`)
  }
  checkInteger(`${caller}: compressFromBytes`, compressFromBytes, 0, Number.MAX_SAFE_INTEGER)
  checkInteger(`${caller}: maxValueBytes`, maxValueBytes, 1, LARGEST_MAX_VALUE_BYTES)
  checkInteger(`${caller}: maxDepth`, maxDepth, 1, LARGEST_MAX_DEPTH)
  const fitsSchema = schema === undefined ? undefined : createSchemaCheck(schema)
  return { compression, compressFromBytes, encryption, maxValueBytes, maxDepth, fitsSchema }
}

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  throw new TypeError(`${name} must be an integer from ${min} to ${max}, got ${String(value)}`)
}
