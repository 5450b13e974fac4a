import type {
  CacheError,
  Err,
  FencedStore,
  Generation,
  Result,
  ServerChange,
  Slot,
  SlotEntry,
  SlotStamp,
  StoreOperation
} from '@dashtam/cache-protocol'
import { err, ok } from '@dashtam/cache-protocol'
import { type FencedArguments, PortGuard, problemOfFencedArguments, randomId } from '@dashtam/cache-protocol/adapter'
import type { BoundedStoreStats } from './bounded-store.ts'
import { createCoarseClock } from './coarse-clock.ts'
import { FencedState } from './fenced-state.ts'
import * as generations from './generation.ts'
import { MemoryFeed } from './memory-feed.ts'
import * as slots from './slot.ts'

export interface MemoryFencedStoreOptions {
  /** The first segment of every key: 1 to 64 of `A-Z a-z 0-9 _ . -`. The same that was said to `defineKeys`. */
  readonly keyspace: string
  /**
   * The most slots held, an integer of at least 1. There may be as many generations beside them, and as many claims.
   * @defaultValue 10000
   */
  readonly maxEntries?: number
  /**
   * The most bytes held in slots: keys, entries, and 200 for each; at least 64 KiB. Generations and claims may take an
   * eighth of it each, beside them.
   * @defaultValue 64 MiB (67108864)
   */
  readonly maxBytes?: number
  /**
   * The largest entry accepted, in bytes, at most half of `maxBytes`.
   * @defaultValue an eighth of `maxBytes`, at most 8 MiB
   */
  readonly maxValueBytes?: number
  /**
   * Milliseconds that never go backwards.
   * @defaultValue `performance.now`, looked at once per turn of the event loop and every 32 readings
   */
  readonly clock?: () => number
  /**
   * Makes the ids of closed slots and of generations: 22 characters of base64url that never come twice.
   * @defaultValue 128 random bits
   */
  readonly createId?: () => string
}

/** What a store holds, and how often it had to make room. */
export interface MemoryFencedStoreStats {
  readonly slots: BoundedStoreStats
  readonly generations: BoundedStoreStats
}

const DEFAULT_MAX_ENTRIES = 10_000
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024
const SMALLEST_MAX_BYTES = 64 * 1024
const LARGEST_DEFAULT_VALUE_BYTES = 8 * 1024 * 1024

/**
 * The slots and generations of the read-through engine in the memory of this process: for tests, and for services of a
 * single process. Each step is that of the pure functions in `slot.ts` and `generation.ts`.
 *
 * It is bounded. A slot that had to make room is absent: a lease that is gone only makes its fill be refused, and a
 * closed slot that is gone is made up for by the end of its write, which invalidates. Only a hold ends early. A
 * generation that is gone comes back as a new one.
 *
 * Entry bytes are copied when they come in. What `read` hands out is the store's own copy: it is not to be changed.
 *
 * Operations fail only with `CACHE_INVALID_ARGUMENT`, `CACHE_VALUE_TOO_LARGE` (`fill` and `refresh`; nothing has happened
 * then) and, after `close()`, with the reason `closed`.
 */
export class MemoryFencedStore implements FencedStore {
  readonly #guard: PortGuard
  readonly #state: FencedState
  readonly #maxValueBytes: number
  readonly #createId: () => string
  readonly #server = randomId()
  #isClosed = false

  /** @throws TypeError when an option is unknown or out of its range. */
  constructor({
    keyspace,
    maxEntries = DEFAULT_MAX_ENTRIES,
    maxBytes = DEFAULT_MAX_BYTES,
    maxValueBytes = Math.min(LARGEST_DEFAULT_VALUE_BYTES, Math.floor(maxBytes / 8)),
    clock = createCoarseClock(),
    createId = randomId,
    ...unknown
  }: MemoryFencedStoreOptions) {
    const [unknownName] = Object.keys(unknown)
    if (unknownName !== undefined) throw new TypeError(`unknown option '${unknownName}'`)
    // So that any accepted key and entry fit: the store below never refuses what this one has accepted.
    if (!Number.isSafeInteger(maxBytes) || maxBytes < SMALLEST_MAX_BYTES) {
      throw new TypeError(
        `maxBytes must be an integer of at least ${SMALLEST_MAX_BYTES} (64 KiB), got ${String(maxBytes)}`
      )
    }
    if (maxValueBytes > maxBytes / 2) {
      throw new TypeError(`maxValueBytes must be at most half of maxBytes (${maxBytes}), got ${String(maxValueBytes)}`)
    }
    for (const [name, value] of Object.entries({ clock, createId })) {
      if (typeof value !== 'function') throw new TypeError(`${name} must be a function, got ${typeof value}`)
    }
    this.#guard = new PortGuard({ keyspace, maxValueBytes })
    this.#state = new FencedState({ maxEntries, maxBytes, clock })
    this.#maxValueBytes = maxValueBytes
    this.#createId = createId
  }

  get isReachable(): boolean {
    return !this.#isClosed
  }

  /** A feed of this store, not started yet. There may be many. */
  openFeed(): MemoryFeed {
    return new MemoryFeed(this.#state.listeners)
  }

  /** There is one server, this store itself, and it never changes. */
  onServerChange(listener: (change: ServerChange) => void): void {
    listener({ kind: 'connected', server: this.#server })
  }

  async read(key: string): Promise<Result<Slot>> {
    return this.#refuses('readSlot', [key]) ?? ok(this.#state.read(key))
  }

  async readMany(keys: readonly string[]): Promise<Result<readonly Slot[]>> {
    return this.#refuses('readSlot', keys) ?? ok(keys.map(key => this.#state.read(key)))
  }

  async identify(key: string): Promise<Result<SlotStamp>> {
    const refused = this.#refuses('readSlot', [key])
    if (refused !== undefined) return refused
    const slot = this.#state.read(key)
    return ok(slot.kind === 'entry' ? { kind: slot.kind, id: slot.id, remainingMs: slot.remainingMs } : slot)
  }

  async acquire(key: string, token: string, durationMs: number, unlessId?: string): Promise<Result<Slot>> {
    const refused = this.#refuses('lease', [key], { token, durationMs })
    return (
      refused ?? ok(this.#state.step(key, (slot, nowMs) => slots.acquire(slot, nowMs, token, durationMs, unlessId)))
    )
  }

  async renew(key: string, token: string, durationMs: number): Promise<Result<boolean>> {
    const refused = this.#refuses('lease', [key], { token, durationMs })
    return refused ?? ok(this.#state.step(key, (slot, nowMs) => slots.renew(slot, nowMs, token, durationMs)))
  }

  async release(key: string, token: string): Promise<Result<boolean>> {
    const refused = this.#refuses('lease', [key], { token })
    return refused ?? ok(this.#state.step(key, (slot, nowMs) => slots.release(slot, nowMs, token)))
  }

  async fill(key: string, token: string, entry: SlotEntry): Promise<Result<boolean>> {
    const refused = this.#refuses('fill', [key], { token, entry }) ?? this.#tooLarge(entry)
    return refused ?? ok(this.#state.step(key, (slot, nowMs) => slots.fill(slot, nowMs, token, copied(entry))))
  }

  async refresh(key: string, id: string, entry: SlotEntry): Promise<Result<boolean>> {
    const refused = this.#refuses('fill', [key], { entry }) ?? this.#tooLarge(entry)
    return refused ?? ok(this.#state.step(key, (slot, nowMs) => slots.refresh(slot, nowMs, id, copied(entry))))
  }

  async claim(key: string, token: string, durationMs: number): Promise<Result<boolean>> {
    const refused = this.#refuses('lease', [key], { token, durationMs })
    if (refused !== undefined) return refused
    const claimed = this.#state.claims.get(key)
    if (claimed !== undefined && claimed !== token) return ok(false)
    this.#state.claims.set(key, token, durationMs)
    return ok(true)
  }

  async unclaim(key: string, token: string): Promise<Result<boolean>> {
    const refused = this.#refuses('lease', [key], { token })
    return refused ?? ok(this.#state.claims.get(key) === token && this.#state.claims.delete(key))
  }

  async invalidate(keys: readonly string[], { holdMs }: { readonly holdMs?: number } = {}): Promise<Result<void>> {
    const refused = this.#refuses('invalidate', keys, { holdMs })
    if (refused !== undefined) return refused
    for (const key of keys) {
      const freshId = this.#createId()
      this.#state.step(key, (slot, nowMs) => slots.invalidate(slot, nowMs, freshId, { holdMs }))
    }
    return ok(undefined)
  }

  async beginWrite(key: string, token: string, durationMs: number): Promise<Result<void>> {
    const refused = this.#refuses('write', [key], { token, durationMs })
    if (refused !== undefined) return refused
    const freshId = this.#createId()
    return ok(this.#state.step(key, (slot, nowMs) => slots.beginWrite(slot, nowMs, token, durationMs, freshId)))
  }

  async renewWrite(key: string, token: string, durationMs: number): Promise<Result<boolean>> {
    const refused = this.#refuses('write', [key], { token, durationMs })
    return refused ?? ok(this.#state.step(key, (slot, nowMs) => slots.renewWrite(slot, nowMs, token, durationMs)))
  }

  async endWrite(
    key: string,
    token: string,
    { entry, holdMs }: { readonly entry?: SlotEntry; readonly holdMs?: number } = {}
  ): Promise<Result<boolean>> {
    const refused = this.#refuses('write', [key], { token, entry, holdMs })
    if (refused !== undefined) return refused
    const freshId = this.#createId()
    // Too large or not, the write has ended.
    const kept = entry === undefined || this.#tooLarge(entry) !== undefined ? undefined : copied(entry)
    return ok(
      this.#state.step(key, (slot, nowMs) => slots.endWrite(slot, nowMs, token, freshId, { entry: kept, holdMs }))
    )
  }

  async readGenerations(names: readonly string[]): Promise<Result<readonly Generation[]>> {
    return this.#stepGenerations('readGenerations', { names }, generations.readGeneration)
  }

  async bumpGenerations(names: readonly string[]): Promise<Result<void>> {
    return nothing(this.#stepGenerations('bump', { names }, generations.bump))
  }

  async beginGenerationWrite(names: readonly string[], token: string, durationMs: number): Promise<Result<void>> {
    return nothing(
      this.#stepGenerations('bump', { names, token, durationMs }, (generation, nowMs, freshId) =>
        generations.beginGenerationWrite(generation, nowMs, token, durationMs, freshId)
      )
    )
  }

  async renewGenerationWrite(names: readonly string[], token: string, durationMs: number): Promise<Result<boolean>> {
    const refused = this.#refuses('bump', [], { names, token, durationMs })
    if (refused !== undefined) return refused
    const renewed = names.map(name =>
      this.#state.stepGeneration(name, (generation, nowMs) =>
        generations.renewGenerationWrite(generation, nowMs, token, durationMs)
      )
    )
    return ok(renewed.every(Boolean))
  }

  async endGenerationWrite(names: readonly string[], token: string): Promise<Result<void>> {
    return nothing(
      this.#stepGenerations('bump', { names, token }, (generation, nowMs, freshId) =>
        generations.endGenerationWrite(generation, nowMs, token, freshId)
      )
    )
  }

  async bumpOnce(
    name: string,
    occasion: string,
    { continues }: { readonly continues?: string } = {}
  ): Promise<Result<boolean>> {
    const occasions = continues === undefined ? [occasion] : [occasion, continues]
    const refused = this.#refuses('bump', [], { names: [name], occasions })
    if (refused !== undefined) return refused
    const freshId = this.#createId()
    return ok(
      this.#state.stepGeneration(name, (generation, nowMs) =>
        generations.bumpOnce(generation, nowMs, occasion, continues, freshId)
      )
    )
  }

  /** From the call on every operation fails as `closed`. A second call does nothing. */
  async close(): Promise<Result<void>> {
    this.#isClosed = true
    this.#state.clear()
    return ok(undefined)
  }

  stats(): MemoryFencedStoreStats {
    return this.#state.stats()
  }

  /** One step for each name, in their order, with one fresh id for each. */
  #stepGenerations<Answer>(
    operation: StoreOperation,
    given: FencedArguments & { readonly names: readonly string[] },
    step: (state: generations.GenerationState, nowMs: number, freshId: string) => generations.GenerationStep<Answer>
  ): Result<readonly Answer[]> {
    const refused = this.#refuses(operation, [], given)
    if (refused !== undefined) return refused
    return ok(
      given.names.map(name => {
        const freshId = this.#createId()
        return this.#state.stepGeneration(name, (generation, nowMs) => step(generation, nowMs, freshId))
      })
    )
  }

  #refuses(
    operation: StoreOperation,
    keys: readonly string[],
    given: FencedArguments = {}
  ): Err<CacheError> | undefined {
    if (this.#isClosed) return this.#guard.closed(operation)
    const refused = this.#guard.keys(operation, keys)
    if (refused !== undefined) return refused
    const problem = problemOfFencedArguments(given)
    return problem === undefined ? undefined : this.#guard.invalid(operation, problem)
  }

  #tooLarge({ bytes }: SlotEntry): Err<CacheError> | undefined {
    const maxValueBytes = this.#maxValueBytes
    if (bytes.byteLength <= maxValueBytes) return undefined
    return err({
      code: 'CACHE_VALUE_TOO_LARGE',
      message: `the entry has ${bytes.byteLength} bytes, more than the ${maxValueBytes} accepted (maxValueBytes)`,
      details: { operation: 'fill', sizeBytes: bytes.byteLength, maxValueBytes }
    })
  }
}

function nothing(result: Result<unknown>): Result<void> {
  return result.ok ? ok(undefined) : result
}

/** Not `slice()`, which for a Buffer is a view of the caller's memory. */
function copied(entry: SlotEntry): SlotEntry {
  return { ...entry, bytes: new Uint8Array(entry.bytes) }
}
