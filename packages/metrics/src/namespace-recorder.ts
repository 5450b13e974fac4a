import type { CacheOperation } from '@dashtam/cache-protocol'
import { LatencyHistogram, type LatencySnapshot, type LatencyStats } from './latency-histogram.ts'

/** How an operation ended: `'error'` is a failed `Result` or a rejection. */
export type OperationResult = 'ok' | 'error'

/** One operation of one namespace. */
export interface OperationStats {
  /** Calls that succeeded. */
  readonly ok: number
  /** Calls that failed. */
  readonly errors: number
  readonly latency: LatencyStats
}

/** What is known about a namespace. All zero for one that nothing was recorded for. */
export interface NamespaceStats {
  /** Keys that were looked up and there. */
  readonly hits: number
  /** Keys that were looked up and absent. */
  readonly misses: number
  /** Keys whose look-up failed. What failed without being a look-up is in `operations`. */
  readonly errors: number
  /** `hits + misses + errors`: keys looked up. */
  readonly totalRequests: number
  /** `hits / totalRequests`, 0 to 1; 0 when nothing was looked up. Falls when the cache fails, as its use then does. */
  readonly hitRate: number
  /** Of all operations together. */
  readonly latency: LatencyStats
  /** The operations that were recorded, by name. */
  readonly operations: Readonly<Partial<Record<CacheOperation, OperationStats>>>
}

/** As {@link OperationStats}, for exporters. */
export interface OperationSnapshot {
  readonly operation: CacheOperation
  readonly ok: number
  readonly errors: number
  readonly latency: LatencySnapshot
}

/** As {@link NamespaceStats}, for exporters. */
export interface NamespaceSnapshot {
  readonly namespace: string
  readonly hits: number
  readonly misses: number
  readonly errors: number
  readonly operations: readonly OperationSnapshot[]
}

interface OperationTally {
  ok: number
  errors: number
  readonly latency: LatencyHistogram
}

const OPERATIONS: Readonly<Record<CacheOperation, true>> = {
  get: true,
  getJson: true,
  set: true,
  setJson: true,
  take: true,
  delete: true,
  deleteMany: true,
  deletePattern: true,
  exists: true,
  expire: true,
  ttl: true,
  increment: true,
  decrement: true,
  getMany: true,
  setMany: true,
  scan: true,
  flush: true,
  ping: true,
  connect: true
}

/**
 * The counters of one namespace: the handle for a caller who knows the name, so that recording is an addition and
 * nothing is looked up. Made by `CacheMetrics.namespace`; stays valid after `reset()`.
 */
export class NamespaceRecorder {
  #hits = 0
  #misses = 0
  #errors = 0
  readonly #operations = new Map<CacheOperation, OperationTally>()

  /** Counts a key that was looked up and there. */
  recordHit(): void {
    this.#hits += 1
  }

  /** Counts a key that was looked up and absent. */
  recordMiss(): void {
    this.#misses += 1
  }

  /** Counts a key whose look-up failed. */
  recordError(): void {
    this.#errors += 1
  }

  /** Counts a call of `operation`. Throws a `TypeError` when the port has no such operation. */
  recordOperation(operation: CacheOperation, result: OperationResult): void {
    const tally = this.#tally(operation)
    if (result === 'ok') tally.ok += 1
    else tally.errors += 1
  }

  /**
   * Counts how long a call took: a negative duration or `NaN` as 0, more than 100 s as 100 s. Throws a `TypeError` when
   * the port has no such operation.
   *
   * @param operation - Default `'get'`.
   */
  recordLatency(milliseconds: number, operation: CacheOperation = 'get'): void {
    this.#tally(operation).latency.record(milliseconds)
  }

  getStats(): NamespaceStats {
    const [hits, misses, errors] = [this.#hits, this.#misses, this.#errors]
    const totalRequests = hits + misses + errors
    const operations: Partial<Record<CacheOperation, OperationStats>> = {}
    const all = new LatencyHistogram()
    for (const [operation, { ok, errors, latency }] of this.#operations) {
      operations[operation] = { ok, errors, latency: latency.stats() }
      all.add(latency)
    }
    const hitRate = totalRequests === 0 ? 0 : hits / totalRequests
    return { hits, misses, errors, totalRequests, hitRate, latency: all.stats(), operations }
  }

  snapshot(namespace: string): NamespaceSnapshot {
    const operations = Array.from(this.#operations, ([operation, { ok, errors, latency }]) => ({
      operation,
      ok,
      errors,
      latency: latency.snapshot()
    }))
    return { namespace, hits: this.#hits, misses: this.#misses, errors: this.#errors, operations }
  }

  /** Sets every number to 0. */
  reset(): void {
    this.#hits = 0
    this.#misses = 0
    this.#errors = 0
    for (const tally of this.#operations.values()) {
      tally.ok = 0
      tally.errors = 0
      tally.latency.reset()
    }
  }

  #tally(operation: CacheOperation): OperationTally {
    return this.#operations.get(operation) ?? this.#addTally(operation)
  }

  #addTally(operation: CacheOperation): OperationTally {
    // Types keep other names out; this keeps memory and label values bounded when a cast lets one in.
    if (!Object.hasOwn(OPERATIONS, operation)) {
      throw new TypeError(`operation must be one of ${Object.keys(OPERATIONS).join(', ')}; got ${String(operation)}`)
    }
    const tally = { ok: 0, errors: 0, latency: new LatencyHistogram() }
    this.#operations.set(operation, tally)
    return tally
  }
}
