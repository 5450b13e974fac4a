import type { CacheError, Err, MemberIndex, Result, StoreOperation } from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import { PortGuard, type PortGuardOptions, problemOfMember } from '@dashtam/cache-protocol/adapter'
import { BoundedStore } from './bounded-store.ts'

export interface MemoryMemberIndexOptions extends Pick<PortGuardOptions, 'keyspace' | 'familyOf'> {
  /** The most members of all owners together; an owner that leaves to make room leaves with all of its own. @defaultValue 100000 */
  readonly maxMembers?: number
  /** Milliseconds that never go backwards. @defaultValue `performance.now` */
  readonly clock?: () => number
}

const DEFAULT_MAX_MEMBERS = 100_000

/** By member: when its time is over. */
type Members = Map<string, number>

/** Members in the memory of this process, bounded in their number. Nothing is shared, and nothing outlives this process. */
export class MemoryMemberIndex implements MemberIndex {
  readonly #guard: PortGuard
  readonly #clock: () => number
  readonly #owners: BoundedStore<Members>

  /** @throws TypeError when an option is out of its range. */
  constructor({
    maxMembers = DEFAULT_MAX_MEMBERS,
    clock = () => performance.now(),
    ...portOptions
  }: MemoryMemberIndexOptions) {
    this.#guard = new PortGuard(portOptions)
    this.#clock = clock
    this.#owners = new BoundedStore({
      maxEntries: maxMembers,
      maxBytes: maxMembers,
      maxEntryBytes: maxMembers,
      weigh: members => members.size,
      clock
    })
  }

  async add(owner: string, member: string, ttlSeconds: number): Promise<Result<void>> {
    const refused = this.#refuses('addMember', owner, [member])
    if (refused !== undefined) return refused
    const ttlMs = this.#guard.explicitTtlMs('addMember', ttlSeconds)
    if (!ttlMs.ok) return ttlMs
    this.#put(owner, this.#live(owner).set(member, this.#clock() + ttlMs.value))
    return ok(undefined)
  }

  async remove(owner: string, members: Iterable<string>): Promise<Result<number>> {
    const all = [...new Set(members)]
    const refused = this.#refuses('removeMembers', owner, all)
    if (refused !== undefined) return refused
    const live = this.#live(owner)
    const removed = all.filter(member => live.delete(member)).length
    this.#put(owner, live)
    return ok(removed)
  }

  async members(owner: string): Promise<Result<readonly string[]>> {
    const refused = this.#refuses('readMembers', owner, [])
    if (refused !== undefined) return refused
    return ok(Array.from(inOrder(this.#live(owner)), ([member]) => member))
  }

  async clear(owner: string): Promise<Result<number>> {
    const refused = this.#refuses('clearMembers', owner, [])
    if (refused !== undefined) return refused
    const { size } = this.#live(owner)
    this.#owners.delete(owner)
    return ok(size)
  }

  #live(owner: string): Members {
    const members: Members = this.#owners.get(owner) ?? new Map()
    const nowMs = this.#clock()
    for (const [member, endsAtMs] of members) if (endsAtMs <= nowMs) members.delete(member)
    return members
  }

  #put(owner: string, members: Members): void {
    let endsAtMs = 0
    for (const each of members.values()) endsAtMs = Math.max(endsAtMs, each)
    if (members.size === 0) this.#owners.delete(owner)
    else this.#owners.set(owner, members, endsAtMs - this.#clock())
  }

  #refuses(operation: StoreOperation, owner: string, members: readonly string[]): Err<CacheError> | undefined {
    const refused = this.#guard.key(operation, owner)
    if (refused !== undefined) return refused
    const problem = members.map(problemOfMember).find(Boolean)
    return problem === undefined ? undefined : this.#guard.invalid(operation, problem)
  }
}

/** As Redis has a sorted set: by when they end, and those that end together by their bytes. */
function inOrder(members: Members): readonly (readonly [member: string, endsAtMs: number])[] {
  return [...members].sort(([a, endsA], [b, endsB]) => {
    return endsA === endsB ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : endsA - endsB
  })
}
