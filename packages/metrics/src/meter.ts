import type { CacheOperation, Result } from '@dashtam/cache-protocol'
import type { CacheMetrics } from './cache-metrics.ts'
import type { NamespaceRecorder } from './namespace-recorder.ts'

/** What counts for keys that `namespaceOf` does not name, and for operations that have no key. */
export const DEFAULT_NAMESPACE = 'default'

export interface MeasuredOptions {
  /** Where it is counted. Several caches may share one. */
  readonly metrics: CacheMetrics
  /**
   * The namespace of a key, as `keys.familyOf` tells it. Its answers become label values: a few names, never a part of
   * the key that a user chose. `undefined`, or throwing, puts the key under `'default'`.
   * @defaultValue every key is under `'default'`
   */
  readonly namespaceOf?: (key: string) => string | undefined
  /**
   * Take the time of one call in so many, chosen at random; an integer of at least 1. Everything else is always
   * counted in full.
   * @defaultValue 1: of every call
   */
  readonly sampleLatencyEvery?: number
  /**
   * Milliseconds from any start, never going back.
   * @defaultValue `performance.now`
   */
  readonly clock?: () => number
  /**
   * 0 (inclusive) to 1 (exclusive); chooses the samples.
   * @defaultValue `Math.random`
   */
  readonly random?: () => number
}

/** `result` is absent when the call rejected, `elapsedMs` when it is not a sample. */
type Count<T> = (result: Result<T> | undefined, elapsedMs: number | undefined) => void

/** Counts calls without touching what they answer. */
export class Meter {
  readonly #metrics: CacheMetrics
  readonly #namespaceOf: (key: string) => string | undefined
  readonly #sampleLatencyEvery: number
  readonly #clock: () => number
  readonly #random: () => number
  readonly #unnamed: NamespaceRecorder

  constructor({
    metrics,
    namespaceOf = () => undefined,
    sampleLatencyEvery = 1,
    clock = () => performance.now(),
    random = Math.random
  }: MeasuredOptions) {
    if (typeof metrics?.namespace !== 'function') {
      throw new TypeError(`metrics must be a CacheMetrics, got ${metrics === null ? 'null' : typeof metrics}`)
    }
    for (const [name, value] of Object.entries({ namespaceOf, clock, random })) {
      if (typeof value !== 'function') throw new TypeError(`${name} must be a function, got ${typeof value}`)
    }
    if (!Number.isSafeInteger(sampleLatencyEvery) || sampleLatencyEvery < 1) {
      throw new TypeError(`sampleLatencyEvery must be an integer of at least 1, got ${String(sampleLatencyEvery)}`)
    }
    this.#metrics = metrics
    this.#namespaceOf = namespaceOf
    this.#sampleLatencyEvery = sampleLatencyEvery
    this.#clock = clock
    this.#random = random
    this.#unnamed = metrics.namespace(DEFAULT_NAMESPACE)
  }

  /** An operation without a key. */
  keyless<T>(operation: CacheOperation, call: () => Promise<Result<T>>): Promise<Result<T>> {
    return this.#observe(call, (result, elapsedMs) => countCall(this.#unnamed, operation, result, elapsedMs))
  }

  /** An operation on one key. */
  one<T>(operation: CacheOperation, key: string, call: () => Promise<Result<T>>): Promise<Result<T>> {
    return this.#observe(call, (result, elapsedMs) => countCall(this.#recorderOf(key), operation, result, elapsedMs))
  }

  /** An operation that looks one key up. */
  lookUp<T>(operation: CacheOperation, key: string, call: () => Promise<Result<T>>): Promise<Result<T>> {
    return this.#observe(call, (result, elapsedMs) => {
      const recorder = this.#recorderOf(key)
      countCall(recorder, operation, result, elapsedMs)
      if (!result?.ok) recorder.recordError()
      else countLookUp(recorder, result.value)
    })
  }

  /** An operation on many items. The iterable is read here, and once: a generator yields nothing a second time. */
  many<Item, T>(
    operation: CacheOperation,
    items: Iterable<Item>,
    keyOf: (item: Item) => string,
    call: (items: readonly Item[]) => Promise<Result<T>>
  ): Promise<Result<T>> {
    let keys: readonly string[] = []
    return this.#observe(
      () => {
        const list = [...items]
        keys = list.map(keyOf)
        return call(list)
      },
      (result, elapsedMs) => this.#countCallOnEach(keys, operation, result, elapsedMs)
    )
  }

  /** An operation that looks many keys up; one that is asked for twice counts once, as it is answered once. */
  lookUpMany<T>(
    operation: CacheOperation,
    keys: Iterable<string>,
    call: (keys: readonly string[]) => Promise<Result<Map<string, T | undefined>>>
  ): Promise<Result<Map<string, T | undefined>>> {
    let list: readonly string[] = []
    return this.#observe(
      () => {
        list = [...keys]
        return call(list)
      },
      (result, elapsedMs) => {
        this.#countCallOnEach(list, operation, result, elapsedMs)
        for (const key of new Set(list)) {
          const recorder = this.#recorderOf(key)
          if (!result?.ok) recorder.recordError()
          else countLookUp(recorder, result.value.get(key))
        }
      }
    )
  }

  /** An operation that goes on for as long as its reader likes; leaving early is no error. */
  async *walk<T>(operation: CacheOperation, call: () => AsyncIterable<Result<T>>): AsyncGenerator<Result<T>> {
    let outcome: 'ok' | 'error' = 'ok'
    try {
      for await (const result of call()) {
        if (!result.ok) outcome = 'error'
        yield result
      }
    } catch (error) {
      outcome = 'error'
      throw error
    } finally {
      this.#unnamed.recordOperation(operation, outcome)
    }
  }

  async #observe<T>(call: () => Promise<Result<T>>, count: Count<T>): Promise<Result<T>> {
    const startedAtMs = this.#isSample() ? this.#clock() : undefined
    let result: Result<T> | undefined
    try {
      result = await call()
      return result
    } finally {
      count(result, startedAtMs === undefined ? undefined : this.#clock() - startedAtMs)
    }
  }

  #isSample(): boolean {
    return this.#sampleLatencyEvery === 1 || this.#random() * this.#sampleLatencyEvery < 1
  }

  #countCallOnEach(
    keys: readonly string[],
    operation: CacheOperation,
    result: Result<unknown> | undefined,
    elapsedMs: number | undefined
  ): void {
    const recorders = new Set(keys.map(key => this.#recorderOf(key)))
    if (recorders.size === 0) recorders.add(this.#unnamed)
    for (const recorder of recorders) countCall(recorder, operation, result, elapsedMs)
  }

  #recorderOf(key: string): NamespaceRecorder {
    let namespace: string | undefined
    try {
      namespace = this.#namespaceOf(key)
    } catch {
      // What the caller's function makes of a strange key must not become the answer of the cache.
    }
    return namespace === undefined ? this.#unnamed : this.#metrics.namespace(namespace)
  }
}

function countCall(
  recorder: NamespaceRecorder,
  operation: CacheOperation,
  result: Result<unknown> | undefined,
  elapsedMs: number | undefined
): void {
  recorder.recordOperation(operation, result?.ok ? 'ok' : 'error')
  if (elapsedMs !== undefined) recorder.recordLatency(elapsedMs, operation)
}

function countLookUp(recorder: NamespaceRecorder, value: unknown): void {
  if (value === undefined) recorder.recordMiss()
  else recorder.recordHit()
}
