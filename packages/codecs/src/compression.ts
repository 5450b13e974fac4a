import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
  zstdDecompressSync
} from 'node:zlib'
import type { Compression } from './header.ts'

/**
 * Each at its fastest level: what a higher one saves in bytes costs a multiple in time, on every write.
 * zstd alone needs to be told to keep a checksum; brotli has none.
 */
const COMPRESS: Readonly<Record<Compression, (bytes: Uint8Array) => Buffer>> = {
  gzip: bytes => gzipSync(bytes, { level: 1 }),
  brotli: bytes =>
    brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
    }),
  zstd: bytes =>
    zstdCompressSync(bytes, {
      params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 }
    })
}

/** 8 MiB: what a zstd entry may make its reader allocate as a window; level 1 asks for 512 KiB at most. */
const ZSTD_MAX_WINDOW_LOG = 23

const INFLATE: Readonly<Record<Compression, (bytes: Uint8Array, maxOutputLength: number) => Buffer>> = {
  gzip: (bytes, maxOutputLength) => gunzipSync(bytes, { maxOutputLength }),
  brotli: (bytes, maxOutputLength) => brotliDecompressSync(bytes, { maxOutputLength }),
  zstd: (bytes, maxOutputLength) =>
    zstdDecompressSync(bytes, {
      maxOutputLength,
      params: { [constants.ZSTD_d_windowLogMax]: ZSTD_MAX_WINDOW_LOG }
    })
}

export const COMPRESSIONS = Object.keys(COMPRESS) as readonly Compression[]

/** Nothing when it would not be smaller. */
export function compress(bytes: Uint8Array, compression: Compression): Uint8Array | undefined {
  const compressed = COMPRESS[compression](bytes)
  return compressed.length < bytes.length ? compressed : undefined
}

/** Gives up as soon as there are more than `maxBytes`, so that a small entry cannot fill the memory. */
export function inflate(
  bytes: Uint8Array,
  compression: Compression,
  maxBytes: number
): Uint8Array | 'corrupt' | 'too_large' {
  try {
    return INFLATE[compression](bytes, maxBytes)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'corrupt'
  }
}
