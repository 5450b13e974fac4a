import type { CacheFamily, WarmOptions, WarmProgress } from '@dashtam/cache-protocol'

const DEFAULT_CONCURRENCY = 8

/** Reads each of `all` that is not cached yet, so many at a time. */
export async function warm<P, V>(
  family: CacheFamily<P, V>,
  all: Iterable<P> | AsyncIterable<P>,
  { concurrency = DEFAULT_CONCURRENCY, onProgress, signal }: WarmOptions
): Promise<WarmProgress> {
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new TypeError(`concurrency must be an integer of at least 1, got ${String(concurrency)}`)
  }
  const progress = { done: 0, hits: 0, failed: 0 }
  const iterator = Symbol.asyncIterator in all ? all[Symbol.asyncIterator]() : all[Symbol.iterator]()
  let isOver = false
  const worker = async () => {
    while (!isOver && !signal?.aborted) {
      const next = await iterator.next()
      if (next.done) return
      try {
        const { status } = await family.read(next.value)
        if (status === 'hit' || status === 'stale') progress.hits++
      } catch {
        progress.failed++
      }
      progress.done++
      onProgress?.({ ...progress })
    }
  }
  try {
    await Promise.all(Array.from({ length: concurrency }, worker))
  } finally {
    isOver = true
    // A generator may hold a cursor of the source's.
    await iterator.return?.()
  }
  return progress
}
