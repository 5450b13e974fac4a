import type { CacheOperation } from '@dashtam/cache-protocol'
import {
  NamespaceRecorder,
  type NamespaceSnapshot,
  type NamespaceStats,
  type OperationResult
} from './namespace-recorder.ts'

/** Where everything goes that comes after `maxNamespaces` others. */
export const OTHER_NAMESPACE = 'other'

export interface CacheMetricsOptions {
  /**
   * How many namespaces are told apart; an integer of at least 1. What comes after them counts under `'other'`, so that
   * a name made from a request costs neither memory nor series.
   * @defaultValue 100
   */
  readonly maxNamespaces?: number
  /**
   * Milliseconds since 1970.
   * @defaultValue `Date.now`
   */
  readonly clock?: () => number
}

/** Everything that was counted, for exporters (cumulative, as Prometheus and OpenTelemetry want it). */
export interface CacheMetricsSnapshot {
  /** Since when the numbers grow, in milliseconds since 1970: the construction or the last `reset()`. */
  readonly startedAtMs: number
  /** In the order in which the namespaces were first seen. */
  readonly namespaces: readonly NamespaceSnapshot[]
}

/**
 * Counts what a cache does, by namespace (usually the family of a key): hits, misses, errors, operations and how long
 * they take. Recording looks the namespace up and adds; everything else is computed by whoever reads.
 *
 * Names are data: `'__proto__'` is a namespace like any other.
 */
export class CacheMetrics {
  readonly #maxNamespaces: number
  readonly #clock: () => number
  readonly #recorders = new Map<string, NamespaceRecorder>()
  #startedAtMs: number

  /** @throws TypeError when an option is out of its range. */
  constructor({ maxNamespaces = 100, clock = Date.now }: CacheMetricsOptions = {}) {
    if (!Number.isSafeInteger(maxNamespaces) || maxNamespaces < 1) {
      throw new TypeError(`maxNamespaces must be an integer of at least 1, got ${String(maxNamespaces)}`)
    }
    if (typeof clock !== 'function') throw new TypeError(`clock must be a function, got ${typeof clock}`)
    this.#maxNamespaces = maxNamespaces
    this.#clock = clock
    this.#startedAtMs = clock()
  }

  /** The handle that records for `name`, made on first use: keep it where the name is known beforehand. */
  namespace(name: string): NamespaceRecorder {
    return this.#recorders.get(name) ?? this.#addRecorder(name)
  }

  /** Counts a key that was looked up and there. */
  recordHit(namespace: string): void {
    this.namespace(namespace).recordHit()
  }

  /** Counts a key that was looked up and absent. */
  recordMiss(namespace: string): void {
    this.namespace(namespace).recordMiss()
  }

  /** Counts a key whose look-up failed. */
  recordError(namespace: string): void {
    this.namespace(namespace).recordError()
  }

  /** Counts a call of `operation`. Throws a `TypeError` when the port has no such operation. */
  recordOperation(namespace: string, operation: CacheOperation, result: OperationResult): void {
    this.namespace(namespace).recordOperation(operation, result)
  }

  /**
   * Counts how long a call took: a negative duration or `NaN` as 0, more than 100 s as 100 s. Throws a `TypeError` when
   * the port has no such operation.
   *
   * @param operation - Default `'get'`.
   */
  recordLatency(namespace: string, milliseconds: number, operation: CacheOperation = 'get'): void {
    this.namespace(namespace).recordLatency(milliseconds, operation)
  }

  /** What was counted for `namespace`; all zero when that is nothing. Asking does not make it a known namespace. */
  getStats(namespace: string): NamespaceStats {
    return (this.#recorders.get(namespace) ?? new NamespaceRecorder()).getStats()
  }

  /** The known namespaces in the order in which they were first seen. */
  namespaces(): readonly string[] {
    return [...this.#recorders.keys()]
  }

  /** A copy of everything that was counted. */
  snapshot(): CacheMetricsSnapshot {
    const namespaces = Array.from(this.#recorders, ([name, recorder]) => recorder.snapshot(name))
    return { startedAtMs: this.#startedAtMs, namespaces }
  }

  /**
   * Sets every number to 0. The namespaces stay known and their handles valid. Prometheus takes it for a restart of the
   * process, which its `rate()` allows for.
   */
  reset(): void {
    for (const recorder of this.#recorders.values()) recorder.reset()
    this.#startedAtMs = this.#clock()
  }

  #addRecorder(name: string): NamespaceRecorder {
    const named = this.#recorders.size - (this.#recorders.has(OTHER_NAMESPACE) ? 1 : 0)
    if (name !== OTHER_NAMESPACE && named >= this.#maxNamespaces) return this.namespace(OTHER_NAMESPACE)
    const recorder = new NamespaceRecorder()
    this.#recorders.set(name, recorder)
    return recorder
  }
}
