import type { CacheError } from '@dashtam/cache-protocol'

/** The loader took longer than the family's `hardTimeoutMs`. Its signal has been aborted. */
export class LoadTimeoutError extends Error {
  override readonly name = 'LoadTimeoutError'
  readonly family: string
  readonly timeoutMs: number

  constructor(family: string, timeoutMs: number) {
    super(`The loader of the cache family '${family}' has not answered within ${timeoutMs} ms.`)
    this.family = family
    this.timeoutMs = timeoutMs
  }
}

/** The cache cannot answer, and the family's policy `closed` forbids to go on without it. */
export class CacheUnavailableError extends Error {
  override readonly name = 'CacheUnavailableError'
  readonly family: string
  override readonly cause: CacheError | undefined

  constructor(family: string, cause?: CacheError) {
    super(`The cache is unavailable, and the family '${family}' does not go on without it.`)
    this.family = family
    this.cause = cause
  }
}
