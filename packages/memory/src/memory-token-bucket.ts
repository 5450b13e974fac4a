import type {
  CacheError,
  Err,
  Result,
  StoreOperation,
  TokenBucket,
  TokenLimit,
  TokenState
} from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import {
  PortGuard,
  type PortGuardOptions,
  problemOfTokens,
  tokenState,
  tokenTerms
} from '@dashtam/cache-protocol/adapter'
import { BoundedStore } from './bounded-store.ts'

export interface MemoryTokenBucketOptions extends Pick<PortGuardOptions, 'keyspace' | 'familyOf'> {
  /** The most buckets that are not full; one that leaves to make room is full again. @defaultValue 100000 */
  readonly maxEntries?: number
  /** Milliseconds that never go backwards. @defaultValue `performance.now` */
  readonly clock?: () => number
}

const DEFAULT_MAX_ENTRIES = 100_000

/** Buckets in the memory of this process, bounded in their number. Nothing is shared, and nothing outlives this process. */
export class MemoryTokenBucket implements TokenBucket {
  readonly #guard: PortGuard
  readonly #clock: () => number
  /** By key: when it will be full, in microseconds. */
  readonly #buckets: BoundedStore<number>

  /** @throws TypeError when an option is out of its range. */
  constructor({
    maxEntries = DEFAULT_MAX_ENTRIES,
    clock = () => performance.now(),
    ...portOptions
  }: MemoryTokenBucketOptions) {
    this.#guard = new PortGuard(portOptions)
    this.#clock = clock
    this.#buckets = new BoundedStore({ maxEntries, maxBytes: maxEntries, maxEntryBytes: 1, weigh: () => 1, clock })
  }

  async take(key: string, limit: TokenLimit, cost = 1): Promise<Result<TokenState>> {
    const refused = this.#refuses('takeTokens', key, limit, cost)
    if (refused !== undefined) return refused
    const terms = tokenTerms(limit, cost)
    const missingUs = this.#missingUs(key, terms.capacityUs)
    const afterUs = missingUs + terms.costUs
    if (afterUs > terms.capacityUs) return ok(tokenState(false, missingUs, terms))
    this.#put(key, afterUs)
    return ok(tokenState(true, afterUs, terms))
  }

  async peek(key: string, limit: TokenLimit, cost = 1): Promise<Result<TokenState>> {
    const refused = this.#refuses('peekTokens', key, limit, cost)
    if (refused !== undefined) return refused
    const terms = tokenTerms(limit, cost)
    const missingUs = this.#missingUs(key, terms.capacityUs)
    return ok(tokenState(missingUs + terms.costUs <= terms.capacityUs, missingUs, terms))
  }

  async give(key: string, limit: TokenLimit, tokens = 1): Promise<Result<void>> {
    const refused = this.#refuses('giveTokens', key, limit, tokens)
    if (refused !== undefined) return refused
    const { costUs, capacityUs } = tokenTerms(limit, tokens)
    this.#put(key, this.#missingUs(key, capacityUs) - costUs)
    return ok(undefined)
  }

  async reset(key: string): Promise<Result<boolean>> {
    return this.#guard.key('resetTokens', key) ?? ok(this.#buckets.delete(key))
  }

  #missingUs(key: string, capacityUs: number): number {
    const fullAtUs = this.#buckets.get(key) ?? 0
    return Math.min(capacityUs, Math.max(0, fullAtUs - this.#clock() * 1_000))
  }

  #put(key: string, missingUs: number): void {
    if (missingUs > 0) this.#buckets.set(key, this.#clock() * 1_000 + missingUs, missingUs / 1_000)
    else this.#buckets.delete(key)
  }

  #refuses(operation: StoreOperation, key: string, limit: TokenLimit, cost: number): Err<CacheError> | undefined {
    const refused = this.#guard.key(operation, key)
    if (refused !== undefined) return refused
    const problem = problemOfTokens(limit, cost)
    return problem === undefined ? undefined : this.#guard.invalid(operation, problem)
  }
}
