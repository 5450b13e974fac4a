import type { CacheErrorCode, Err, Ok, Result } from '@dashtam/cache-protocol'

/** What an entry belongs to. */
export interface CodecContext {
  /** The cache key that the entry is stored under. An encrypted entry can be read under this key only. */
  readonly key: string
}

/** What an entry belongs to, and how its value is wanted. */
export interface DecodeContext extends CodecContext {
  /**
   * Freeze the value deeply, to hand it to several readers. One that holds anything but plain objects, arrays and
   * primitives can be changed although it is frozen, and is frozen in parts at most.
   * @defaultValue false
   */
  readonly freezes?: boolean
}

/** A value, and whether it was frozen deeply; or why it cannot be read. */
export type Decoded<T> = (Ok<T> & { readonly isFrozen?: boolean }) | Err<DecodeError>

/** Turns values into the bytes that a cache stores, and back. Synchronous; neither way throws for bad data. */
export interface Codec<T> {
  /**
   * Encodes `value`, which is neither changed nor kept.
   *
   * @returns bytes that {@link Codec.decode} turns back into exactly this value. Fails with `CACHE_SERIALIZATION_ERROR`
   * when they would not, and with `CACHE_VALUE_TOO_LARGE` above the codec's `maxBytes`.
   */
  encode(value: T, context: CodecContext): Result<Uint8Array, EncodeError>

  /**
   * Decodes what {@link Codec.encode} made, in this process or in another; `bytes` are neither changed nor kept.
   *
   * @returns a fresh value for each call. Fails when the bytes cannot be read, and the error's `reason` says why.
   */
  decode(bytes: Uint8Array, context: DecodeContext): Decoded<T>
}

/** Why a value was not encoded. Safe to log: it names the kind of what was wrong, never a value, a property or a key. */
export interface EncodeError {
  readonly code: Extract<CacheErrorCode, 'CACHE_SERIALIZATION_ERROR' | 'CACHE_VALUE_TOO_LARGE'>
  /** For humans. */
  readonly message: string
  /** `CACHE_VALUE_TOO_LARGE`: the size of the serialized value, when it was got that far. */
  readonly sizeBytes?: number
  /** `CACHE_VALUE_TOO_LARGE`: the size that would have been accepted. */
  readonly maxValueBytes?: number
}

/** Every reason why an entry cannot be read, with a sentence for humans. */
export const UNREADABLE_REASONS = {
  foreign: 'The entry is not in a format that this version reads.',
  corrupt: 'The entry is damaged.',
  unknown_key: 'The entry is encrypted under a key that this codec does not have.',
  unauthentic: 'The entry was changed, stands under another cache key, or is not encrypted although it should be.',
  too_large: 'The entry is larger than this codec reads.',
  too_deep: 'The entry is nested deeper than this codec reads.',
  schema: 'The value does not fit the schema.'
} as const

/** Why an entry cannot be read: fit for the label of a metric. */
export type UnreadableReason = keyof typeof UNREADABLE_REASONS

/** Why an entry cannot be read. Safe to log: it holds nothing of the entry. */
export interface DecodeError {
  readonly reason: UnreadableReason
  /** For humans: the sentence of {@link UNREADABLE_REASONS}. */
  readonly message: string
}
