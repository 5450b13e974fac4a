import type {
  CacheFamily,
  DeepReadonly,
  FamilyKeys,
  FamilyOptions,
  GetOrLoadOptions,
  LoadContext,
  ParamsOrNone,
  ReadThrough,
  ReadThroughStats,
  Result
} from '@dashtam/cache-protocol'
import { err, ok } from '@dashtam/cache-protocol'
import type { Engine } from './engine.ts'
import { Family } from './family.ts'
import { defineFamily, type FamilyDefaults, type FamilyDefinition } from './family-definition.ts'
import { generationOfTag, NAMESPACE } from './generations.ts'
import { FamilyCounters } from './stats.ts'

/** The name under which `getOrLoad` counts. */
const AD_HOC = 'getOrLoad'

/** The read-through cache over a fenced store and its feed. Made by `createReadThrough`. */
export class ReadThroughCache implements ReadThrough {
  readonly #engine: Engine
  readonly #defaults: FamilyDefaults
  readonly #counters = new Map<string, FamilyCounters>()

  /** @internal */
  constructor(engine: Engine, defaults: FamilyDefaults) {
    this.#engine = engine
    this.#defaults = defaults
  }

  family<P, V, T extends P = ParamsOrNone<P>>(keys: FamilyKeys<P>, options: FamilyOptions<T, V>): CacheFamily<T, V> {
    const definition = defineFamily<T, V>(keys as FamilyKeys<T>, options, this.#defaults)
    if (this.#counters.has(definition.name) || definition.name === AD_HOC) {
      throw new TypeError(`there is a cache family '${definition.name}' already`)
    }
    this.#counters.set(definition.name, definition.counters)
    return new Family(definition, this.#engine)
  }

  getOrLoad<V>(
    key: string,
    load: (context: LoadContext) => V | Promise<V>,
    { signal, tags, ...options }: GetOrLoadOptions<V> = {}
  ): Promise<DeepReadonly<V>> {
    let definition: FamilyDefinition<string, V>
    try {
      const keys = Object.assign((params: string) => params, { family: AD_HOC })
      const described = {
        ...options,
        load: (_: string, context: LoadContext) => load(context),
        ...(tags && { tags: () => tags })
      }
      definition = { ...defineFamily<string, V>(keys, described, this.#defaults), counters: this.#adHocCounters() }
    } catch (error) {
      return Promise.reject(error)
    }
    return new Family(definition, this.#engine).get(key, signal && { signal })
  }

  invalidateTags(tags: readonly string[]): Promise<Result<void>> {
    return this.#engine.writer.invalidate([], tags.map(generationOfTag))
  }

  clear(): Promise<Result<void>> {
    return this.#engine.writer.invalidate([], [NAMESPACE])
  }

  async close(): Promise<Result<void>> {
    if (await this.#engine.close()) return ok(undefined)
    const message = `${this.#engine.owed.size} invalidations are not acknowledged, and nobody will deliver them`
    return err({ code: 'CACHE_INVALIDATE_ERROR', reason: 'closed', message, details: { operation: 'invalidate' } })
  }

  /** What it has been doing since it was made, for metrics and for people: a copy. */
  stats(): ReadThroughStats {
    const { memory, feed, owed } = this.#engine
    const { entries, bytes, evictions } = memory.stats()
    return {
      families: Object.fromEntries(Array.from(this.#counters, ([name, counters]) => [name, { ...counters }])),
      feed: feed.stats(),
      owed: owed.size,
      memory: { entries, bytes, evictions }
    }
  }

  #adHocCounters(): FamilyCounters {
    const known = this.#counters.get(AD_HOC)
    if (known !== undefined) return known
    const counters = new FamilyCounters()
    this.#counters.set(AD_HOC, counters)
    return counters
  }
}
