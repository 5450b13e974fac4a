import { type Err, err, type JsonValue, ok, type Result } from '@dashtam/cache-protocol'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Codec, CodecContext, DecodeContext, Decoded, EncodeError } from './codec.ts'
import { compress, inflate } from './compression.ts'
import { readHeader, type SerializerName, writeHeader } from './header.ts'
import { MAX_ENCRYPTION_OVERHEAD_BYTES } from './key-ring.ts'
import { type CodecOptions, type ResolvedOptions, resolveOptions, type SchemaOption } from './options.ts'
import { SERIALIZERS } from './serializer.ts'
import { findForeign, findProblem, freezePlain, type Problem } from './supported.ts'
import { unreadable } from './unreadable.ts'

/**
 * Makes a codec that writes JSON. It carries what JSON brings back exactly: null, booleans, strings, finite numbers but
 * -0, arrays without holes, plain objects; anything else is refused by `encode`, at any depth.
 *
 * The type `T` is the caller's word unless there is a `schema`.
 *
 * @throws TypeError for a bad option.
 */
export function json<S extends StandardSchemaV1>(
  options: CodecOptions & SchemaOption<S>
): Codec<StandardSchemaV1.InferInput<S>>
export function json<T = JsonValue>(options?: CodecOptions): Codec<T>
export function json(options: CodecOptions = {}): Codec<unknown> {
  return new PipelineCodec('json', resolveOptions('json', options))
}

/**
 * Makes a codec that writes MessagePack: about half the size of JSON, and on top of what JSON carries NaN, infinities,
 * undefined, bigints, Date, Map, Set, ArrayBuffer and typed arrays but Buffer. It refuses strings with lone surrogates
 * and properties named `__proto__`. Properties added to a typed array are not looked for, and not stored.
 *
 * The type `T` is the caller's word unless there is a `schema`.
 *
 * @throws TypeError for a bad option.
 */
export function messagePack<S extends StandardSchemaV1>(
  options: CodecOptions & SchemaOption<S>
): Codec<StandardSchemaV1.InferInput<S>>
export function messagePack<T = unknown>(options?: CodecOptions): Codec<T>
export function messagePack(options: CodecOptions = {}): Codec<unknown> {
  return new PipelineCodec('messagePack', resolveOptions('messagePack', options))
}

/** Value -> serialize -> compress -> encrypt -> bytes, and back. */
class PipelineCodec implements Codec<unknown> {
  readonly #serializer: SerializerName
  readonly #options: ResolvedOptions

  constructor(serializer: SerializerName, options: ResolvedOptions) {
    this.#serializer = serializer
    this.#options = options
  }

  encode(value: unknown, { key }: CodecContext): Result<Uint8Array, EncodeError> {
    const serialized = this.#serialize(value)
    if (!serialized.ok) return serialized
    const { compression, compressFromBytes, encryption } = this.#options
    const isWorthTrying = compression !== false && serialized.value.length >= compressFromBytes
    const compressed = isWorthTrying ? compress(serialized.value, compression) : undefined
    const body = compressed ?? serialized.value
    const firstByte = writeHeader({
      serializer: this.#serializer,
      compression: compressed !== undefined && compression !== false ? compression : undefined,
      isEncrypted: encryption !== undefined
    })
    return ok(encryption?.seal(firstByte, body, key) ?? Buffer.concat([Buffer.of(firstByte), body]))
  }

  #serialize(value: unknown): Result<Uint8Array, EncodeError> {
    const { maxDepth, maxValueBytes } = this.#options
    let serialized: Uint8Array
    try {
      const problem = findProblem(value, this.#serializer, { maxDepth, maxValues: maxValueBytes })
      if (problem !== undefined) return this.#refuse(problem)
      serialized = SERIALIZERS[this.#serializer].serialize(value)
    } catch {
      // A getter or a proxy of the caller's, or a text too long for a string.
      return this.#refuse({ unsupported: 'a value that throws when it is read' })
    }
    return serialized.length > maxValueBytes ? this.#refuse('too_large', serialized.length) : ok(serialized)
  }

  #refuse(problem: Problem, sizeBytes?: number): Err<EncodeError> {
    const { maxDepth, maxValueBytes } = this.#options
    if (problem === 'too_large') {
      const message = `The value has more than ${maxValueBytes} bytes when it is serialized.`
      const size = sizeBytes === undefined ? {} : { sizeBytes }
      return err({ code: 'CACHE_VALUE_TOO_LARGE', message, maxValueBytes, ...size })
    }
    const what = problem === 'too_deep' ? `more than ${maxDepth} levels of nesting` : problem.unsupported
    const message = `The value holds ${what}, which would not come back from the cache as it is.`
    return err({ code: 'CACHE_SERIALIZATION_ERROR', message })
  }

  decode(bytes: Uint8Array, { key, freezes = false }: DecodeContext): Decoded<unknown> {
    const header = readHeader(bytes[0])
    if (header === undefined) return unreadable('foreign')
    const { encryption, maxValueBytes } = this.#options
    if (bytes.length > maxValueBytes + 1 + MAX_ENCRYPTION_OVERHEAD_BYTES) return unreadable('too_large')

    let body: Uint8Array | 'corrupt' | 'unknown_key' | 'unauthentic' | 'too_large'
    if (!header.isEncrypted) body = encryption === undefined ? bytes.subarray(1) : 'unauthentic'
    else body = encryption === undefined ? 'unknown_key' : encryption.open(bytes, key)
    if (typeof body === 'string') return unreadable(body)

    if (header.compression !== undefined) body = inflate(body, header.compression, maxValueBytes)
    if (typeof body === 'string') return unreadable(body)
    if (body.length > maxValueBytes) return unreadable('too_large')

    try {
      return this.#check(SERIALIZERS[header.serializer].deserialize(toBuffer(body)), freezes)
    } catch {
      return unreadable('corrupt')
    }
  }

  #check(value: unknown, freezes: boolean): Decoded<unknown> {
    const { fitsSchema, maxDepth } = this.#options
    // One walk instead of two: what can be frozen has nothing foreign in it. A schema may expect what it can change.
    if (freezes && fitsSchema === undefined && freezePlain(value, maxDepth)) return { ok: true, value, isFrozen: true }
    const problem = findForeign(value, maxDepth)
    if (problem !== undefined) return unreadable(problem)
    if (fitsSchema?.(value) === false) return unreadable('schema')
    return freezes && freezePlain(value, maxDepth) ? { ok: true, value, isFrozen: true } : ok(value)
  }
}

function toBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length)
}
