import { BoundedStore, type BoundedStoreStats } from '@dashtam/cache-memory'
import type { Capture } from './capture.ts'
import type { EntryHeader } from './entry-format.ts'
import type { SharedValue } from './shared-value.ts'

/** What V8 and the store need beside key and value, in bytes; as measured for `InMemoryCache`, and the generations. */
const ENTRY_OVERHEAD_BYTES = 300

/** Never equal to `Coherence.moves`. */
const UNCHECKED = -1

/** A value in the memory of this process. */
export class MemoryEntry<V = unknown> {
  // What a hit looks at comes first: it is in one line of the processor's cache.
  /** `Coherence.moves` when it was last found to be as it was loaded. */
  checkedAt = UNCHECKED
  /** What hits are given; `undefined` when each reader gets a copy of its own. */
  readonly shared: V | undefined
  /** Until when a hit is served without a further look: before it is to be refreshed. */
  hitUntilMs: number
  readonly value: SharedValue<V>
  /** The id of the entry in the shared store; `undefined` when it is not there, because the store could not be asked. */
  readonly id: string | undefined
  /** The generations that it depends on; of an unbacked entry only their moves. */
  capture: Capture
  readonly createdAtMs: number
  /** Without an id: the store refused it, and did not just fail to answer. */
  readonly isRefused: boolean
  /** Until when it is fresh, by the engine's clock. */
  freshUntilMs: number
  /** When its time is over, stale time included. */
  expiresAtMs: number
  /** Set when its slot has changed since: by nobody knows whom, perhaps by this process itself. */
  isSuspect: boolean
  /** The epoch in which it was last known to be in the shared store. */
  epoch: number

  constructor(
    value: SharedValue<V>,
    id: string | undefined,
    capture: Capture,
    times: EntryTimes,
    isSuspect: boolean,
    isRefused = false
  ) {
    this.value = value
    this.shared = value.isFrozen ? value.take() : undefined
    this.id = id
    this.capture = capture
    this.createdAtMs = times.createdAtMs
    this.freshUntilMs = times.freshUntilMs
    this.hitUntilMs = times.hitUntilMs
    this.expiresAtMs = times.expiresAtMs
    this.isSuspect = isSuspect
    this.isRefused = isRefused
    this.epoch = capture.epoch
  }

  suspect(): void {
    this.isSuspect = true
    this.checkedAt = UNCHECKED
  }
}

export interface EntryTimes {
  /** When the load began, in milliseconds since 1970. */
  readonly createdAtMs: number
  readonly freshUntilMs: number
  readonly hitUntilMs: number
  readonly expiresAtMs: number
}

/** The times of an entry that lives until `expiresAtMs`. */
export function timesOf(
  { createdAtMs, freshMs, staleMs }: EntryHeader,
  refreshAfter: number,
  expiresAtMs: number
): EntryTimes {
  if (expiresAtMs === Infinity) return { createdAtMs, freshUntilMs: Infinity, hitUntilMs: Infinity, expiresAtMs }
  const freshUntilMs = expiresAtMs - staleMs
  // One that was never to expire may have been given an end by somebody else.
  const earlyMs = refreshAfter === 1 ? 0 : freshMs * (1 - refreshAfter)
  return { createdAtMs, freshUntilMs, hitUntilMs: freshUntilMs - earlyMs, expiresAtMs }
}

export interface MemoryTierOptions {
  readonly maxEntries: number
  readonly maxBytes: number
  readonly clock: () => number
}

/** The first tier: the values that this process has in its own memory. */
export class MemoryTier {
  readonly #store: BoundedStore<MemoryEntry>
  readonly #clock: () => number

  constructor({ maxEntries, maxBytes, clock }: MemoryTierOptions) {
    this.#clock = clock
    this.#store = new BoundedStore<MemoryEntry>({
      maxEntries,
      maxBytes,
      weigh: (entry, key) => entry.value.sizeBytes + key.length * 2 + ENTRY_OVERHEAD_BYTES,
      clock
    })
  }

  /** The entry, whose time may be over. Counts as a use. */
  get(key: string): MemoryEntry | undefined {
    return this.#store.use(key)
  }

  peek(key: string): MemoryEntry | undefined {
    return this.#store.peek(key)
  }

  /** @param keepAlways - Keep it also when its time is over, as the last value known. */
  put(key: string, entry: MemoryEntry, keepAlways: boolean): void {
    const ttlMs = keepAlways ? Infinity : entry.expiresAtMs - this.#clock()
    if (ttlMs > 0) this.#store.set(key, entry, ttlMs)
  }

  suspect(key: string): void {
    this.#store.peek(key)?.suspect()
  }

  /** Removes `entry` if it is still there. */
  drop(key: string, entry: MemoryEntry): void {
    if (this.#store.peek(key) === entry) this.#store.delete(key)
  }

  clear(): void {
    this.#store.clear()
  }

  stats(): BoundedStoreStats {
    return this.#store.stats()
  }
}
