import type {
  CacheEntry,
  CacheFamily,
  DeepReadonly,
  LoadContext,
  Lookup,
  Mutated,
  MutateOptions,
  ReadOptions,
  Result,
  Served,
  WarmOptions,
  WarmProgress
} from '@dashtam/cache-protocol'
import { BatchedLoads } from './batched-loads.ts'
import type { Engine } from './engine.ts'
import type { FamilyDefinition } from './family-definition.ts'
import type { Outcome } from './flight.ts'
import { inspectEntry, lookUp } from './look-up.ts'
import type { Reading } from './reading.ts'
import type { FamilyCounters } from './stats.ts'
import { warm } from './warm.ts'

/** The public face of one family. */
export class Family<P, V> implements CacheFamily<P, V> {
  readonly name: string
  readonly #definition: FamilyDefinition<P, V>
  readonly #engine: Engine
  /** Whether memory is all that most reads look at. */
  readonly #mayHit: boolean

  constructor(definition: FamilyDefinition<P, V>, engine: Engine) {
    this.name = definition.name
    this.#definition = definition
    this.#engine = engine
    this.#mayHit = definition.consistency !== 'strong' && definition.placement !== 'shared'
  }

  /**
   * The hit is the whole point of a cache, so it is all here: one look-up, one comparison that stands for the tags, the
   * namespace and the gaps of the feed, and two for time.
   */
  get(params: P, options?: ReadOptions): Promise<DeepReadonly<V>> {
    let key: string
    try {
      key = this.#definition.keyOf(params)
    } catch (error) {
      return Promise.reject(error)
    }
    if (this.#mayHit && options === undefined) {
      const promise = this.#engine.hit(key, this.#definition.counters)
      if (promise !== undefined) return promise as Promise<DeepReadonly<V>>
    }
    return this.#outcome(key, params, options).then(take) as Promise<DeepReadonly<V>>
  }

  async read(params: P, options?: ReadOptions): Promise<Served<V>> {
    const { value, status, tier } = await this.#outcome(this.#definition.keyOf(params), params, options)
    const taken = value.take() as DeepReadonly<V>
    return tier === undefined ? { value: taken, status } : { value: taken, status, tier }
  }

  async getMany(params: readonly P[], options?: ReadOptions): Promise<DeepReadonly<V>[]> {
    const { keyOf, loadMany } = this.#definition
    // Before any of them is read: the family's own function may throw.
    const keys = params.map(each => keyOf(each))
    const batch = loadMany === undefined ? undefined : new BatchedLoads(loadMany, params.length)
    const outcomes = keys.map((key, index) => {
      const each = params[index] as P
      const member = batch?.member(each)
      const outcome = this.#outcome(key, each, options, member?.call, member?.leave)
      if (member !== undefined) outcome.then(member.leave, member.leave)
      return outcome
    })
    return (await Promise.all(outcomes)).map(take) as DeepReadonly<V>[]
  }

  async lookup(params: P, options?: Pick<ReadOptions, 'consistency'>): Promise<Result<Lookup<V>>> {
    return lookUp(this.#engine, this.#reading(params, options))
  }

  async set(params: P, value: V): Promise<Result<void>> {
    return this.#engine.writer.set(this.#definition, this.#definition.keyOf(params), params, value)
  }

  async mutate<T>(params: P, write: () => T | Promise<T>, options: MutateOptions<V> = {}): Promise<Mutated<T>> {
    return this.#engine.writer.mutate(this.#definition, this.#definition.keyOf(params), params, write, options)
  }

  async invalidate(params: P | readonly P[]): Promise<Result<void>> {
    const { counters, holdMs, keyOf } = this.#definition
    const all = Array.isArray(params) ? (params as readonly P[]) : [params as P]
    const keys = all.map(each => keyOf(each))
    const invalidated = await this.#engine.writer.invalidate(keys, [], holdMs)
    if (invalidated.ok) counters.invalidations += all.length
    else if (invalidated.error.reason === 'pending') counters.pending += all.length
    return invalidated
  }

  async inspect(params: P): Promise<Result<CacheEntry<V> | undefined>> {
    return inspectEntry(this.#engine, this.#reading(params, undefined))
  }

  warm(params: Iterable<P> | AsyncIterable<P>, options: WarmOptions = {}): Promise<WarmProgress> {
    return warm(this, params, options)
  }

  #reading(params: P, options: Pick<ReadOptions, 'consistency'> | undefined): Reading<P, V> {
    const family = this.#definition
    const isStrong = this.#isStrong(options)
    const call = (context: LoadContext) => family.load(params, context)
    return { family, key: family.keyOf(params), params, isStrong, call, isWaiting: undefined }
  }

  #outcome(
    key: string,
    params: P,
    options: ReadOptions | undefined,
    load?: (context: LoadContext) => V | Promise<V>,
    isWaiting?: () => void
  ): Promise<Outcome<V>> {
    const family = this.#definition
    const signal = options?.signal
    if (signal?.aborted) return Promise.reject(signal.reason)
    let isStrong: boolean
    try {
      isStrong = this.#isStrong(options)
    } catch (error) {
      return Promise.reject(error)
    }
    const call = load ?? (context => family.load(params, context))
    return this.#engine
      .read({ family, key, params, isStrong, call, isWaiting }, signal)
      .then(this.#served, this.#failed)
  }

  /** @throws TypeError for what is misspelt, which would else be an eventual read. */
  #isStrong(options: Pick<ReadOptions, 'consistency'> | undefined): boolean {
    const consistency: unknown = options?.consistency ?? this.#definition.consistency
    if (consistency === 'strong') return true
    if (consistency !== 'eventual') {
      throw new TypeError(`${this.name}: consistency must be one of eventual, strong; got ${String(consistency)}`)
    }
    if (options !== undefined && typeof options !== 'object') {
      throw new TypeError(`${this.name}: options must be an object, got ${typeof options}`)
    }
    return false
  }

  // One for all reads, because each read would make its own.
  readonly #served = (outcome: Outcome<V>): Outcome<V> => {
    count(this.#definition.counters, outcome)
    return outcome
  }

  readonly #failed = (error: unknown): never => {
    this.#definition.counters.errors++
    throw error
  }
}

function take<V>({ value }: Outcome<V>): V {
  return value.take()
}

function count(counters: FamilyCounters, { status, tier }: Outcome): void {
  if (status === 'miss') counters.misses++
  else if (status === 'collapsed') counters.collapsed++
  else if (status === 'stale') counters.staleHits++
  else if (tier === 'memory') counters.memoryHits++
  else counters.sharedHits++
}
