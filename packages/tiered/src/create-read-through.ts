import { createCoarseClock, MemoryFencedStore } from '@dashtam/cache-memory'
import type { FencedStore, InvalidationFeed } from '@dashtam/cache-protocol'
import { DEFAULT_TTL_SECONDS, problemOfTtl } from '@dashtam/cache-protocol/adapter'
import { Engine } from './engine.ts'
import { ReadThroughCache } from './read-through-cache.ts'

/** Where the engine keeps what the fleet shares. Both or neither. */
type Backend =
  | {
      /** The shared tier. Whoever made it closes it. */
      readonly store: FencedStore
      /** What tells of its changes. The engine closes it. */
      readonly feed: InvalidationFeed
    }
  | { readonly store?: never; readonly feed?: never }

export type ReadThroughOptions = Backend & {
  /**
   * The first segment of every key, 1 to 64 of `A-Z a-z 0-9 _ . -`, for an engine in memory alone: a store has its own.
   * @defaultValue `'dashtam'`
   */
  readonly keyspace?: string
  /** The bounds of the memory tier, integers of at least 1. @defaultValue 10000 entries, 64 MiB (67108864 bytes) */
  readonly memory?: { readonly maxEntries?: number; readonly maxBytes?: number }
  /**
   * How long a value is fresh when neither its family nor its key says so, in seconds, above 0 and at most 1e12; `Infinity`
   * never expires.
   * @defaultValue 3600
   */
  readonly ttlSeconds?: number
  /**
   * How long a value lives that was loaded while the store could not be asked, in seconds, at least 0, which keeps none.
   * More than the heartbeat means that an invalidation which another process could still make may go unnoticed for as long.
   * @defaultValue the heartbeat
   */
  readonly degradedSeconds?: number
  /**
   * The longest that a change may go unnoticed, in milliseconds, an integer of 10 to 86400000: the feed's own.
   * @defaultValue 1000
   */
  readonly heartbeatMs?: number
  /**
   * How long a lease, and a closed slot, outlives a process that dies, in milliseconds, an integer of 10 to 86400000. They
   * are renewed three times in it.
   * @defaultValue 3000
   */
  readonly leaseMs?: number
  /**
   * What is done when a replica has taken over, which may have missed the last invalidations: `redeliver` those of the
   * last 30 s, or `distrust` everything that is cached.
   * @defaultValue `'redeliver'`
   */
  readonly failover?: 'redeliver' | 'distrust'
  /** Milliseconds that never go backwards, those of `performance.now()`. @defaultValue a coarse `performance.now` */
  readonly clock?: () => number
  /** 0 (inclusive) to 1 (exclusive), for jitter. @defaultValue `Math.random` */
  readonly random?: () => number
}

const DEFAULT_HEARTBEAT_MS = 1_000
const DEFAULT_LEASE_MS = 3_000
/** Of what is renewed or asked for three times in its length. */
const SHORTEST_MS = 10
/** A day; a process that dies would keep others waiting for as long. */
const LONGEST_MS = 86_400_000
const DEFAULT_MAX_ENTRIES = 10_000
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024

/**
 * Makes a read-through cache: over a shared store and its feed, or in the memory of this process alone.
 *
 * @throws TypeError when an option is out of its range.
 */
export function createReadThrough(options: ReadThroughOptions = {}): ReadThroughCache {
  const {
    keyspace = 'dashtam',
    memory: { maxEntries = DEFAULT_MAX_ENTRIES, maxBytes = DEFAULT_MAX_BYTES, ...unknownOfMemory } = {},
    ttlSeconds = DEFAULT_TTL_SECONDS,
    heartbeatMs = DEFAULT_HEARTBEAT_MS,
    degradedSeconds = heartbeatMs / 1_000,
    leaseMs = DEFAULT_LEASE_MS,
    failover = 'redeliver',
    clock = createCoarseClock(),
    random = Math.random,
    store,
    feed,
    ...unknown
  } = options
  const [stray] = [...Object.keys(unknown), ...Object.keys(unknownOfMemory).map(name => `memory.${name}`)]
  if (stray !== undefined) throw new TypeError(`createReadThrough: unknown option '${stray}'`)
  if ((store === undefined) !== (feed === undefined)) throw new TypeError('store and feed go together')
  const ttlProblem = problemOfTtl(ttlSeconds)
  if (ttlProblem !== undefined) throw new TypeError(ttlProblem)
  checkInteger('heartbeatMs', heartbeatMs, SHORTEST_MS, LONGEST_MS)
  checkInteger('leaseMs', leaseMs, SHORTEST_MS, LONGEST_MS)
  checkInteger('memory.maxEntries', maxEntries, 1, Number.MAX_SAFE_INTEGER)
  checkInteger('memory.maxBytes', maxBytes, 1, Number.MAX_SAFE_INTEGER)
  if (!(typeof degradedSeconds === 'number' && degradedSeconds >= 0 && degradedSeconds < Infinity)) {
    throw new TypeError(`degradedSeconds must be a number of at least 0, got ${String(degradedSeconds)}`)
  }
  if (failover !== 'redeliver' && failover !== 'distrust') {
    throw new TypeError(`failover must be 'redeliver' or 'distrust', got ${String(failover)}`)
  }
  for (const [name, value] of Object.entries({ clock, random })) {
    if (typeof value !== 'function') throw new TypeError(`${name} must be a function, got ${typeof value}`)
  }
  const backend = store === undefined ? inMemory(keyspace, maxEntries, clock) : { store, feed }
  const engine = new Engine({
    ...backend,
    settings: { clock, random, heartbeatMs, leaseMs, degradedMs: degradedSeconds * 1_000 },
    memory: { maxEntries, maxBytes },
    distrustsPromotion: failover === 'distrust'
  })
  return new ReadThroughCache(engine, { ttlSeconds, isMemoryOnly: store === undefined })
}

/** Slots without payloads: a fraction of the values, which are in the memory tier. */
function inMemory(
  keyspace: string,
  maxEntries: number,
  clock: () => number
): { store: FencedStore; feed: InvalidationFeed } {
  const maxSlots = Math.min(maxEntries * 2, Number.MAX_SAFE_INTEGER)
  const store = new MemoryFencedStore({ keyspace, maxEntries: maxSlots, clock })
  return { store, feed: store.openFeed() }
}

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return
  const bound = value > max ? `most ${max}` : `least ${min}`
  throw new TypeError(`${name} must be an integer of at ${bound}, got ${String(value)}`)
}
