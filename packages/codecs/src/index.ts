export type {
  Codec,
  CodecContext,
  DecodeContext,
  Decoded,
  DecodeError,
  EncodeError,
  UnreadableReason
} from './codec.ts'
export { UNREADABLE_REASONS } from './codec.ts'
export { json, messagePack } from './create-codec.ts'
export type { Compression } from './header.ts'
export type { KeyRing, KeyRingOptions } from './key-ring.ts'
export { createKeyRing } from './key-ring.ts'
export type { CodecOptions, SchemaOption } from './options.ts'
