import type { Result } from './result.ts'

/**
 * What a slot holds: one key of the read-through engine, in one of four states.
 *
 * Ids and tokens are 128 random bits, written as 22 characters of base64url, and never come twice.
 */
export type Slot =
  /** Nothing. Whoever wants to fill it takes a lease first. */
  | { readonly kind: 'absent' }
  /** A value. Bytes that no store has written count as an entry whose id is their SHA-1, in hexadecimal. */
  | { readonly kind: 'entry'; readonly id: string; readonly bytes: Uint8Array; readonly remainingMs: number }
  /** Somebody loads the value, and holds the token with which it may be filled in. */
  | { readonly kind: 'lease'; readonly id: string; readonly remainingMs: number }
  /** The source is being written: nobody may fill it. The id changes with everything that happens to the slot. */
  | { readonly kind: 'closed'; readonly id: string; readonly remainingMs: number }

/** Which state a slot is in, without the bytes of an entry. */
export type SlotStamp =
  | { readonly kind: 'absent' }
  | { readonly kind: 'entry' | 'lease' | 'closed'; readonly id: string; readonly remainingMs: number }

/** A value for a slot. */
export interface SlotEntry {
  /** 22 characters of base64url, never used before. */
  readonly id: string
  readonly bytes: Uint8Array
  /** Lifetime in milliseconds, an integer of at least 1; `Infinity` never expires. */
  readonly ttlMs: number
}

/**
 * What stands for a tag, or for everything: an id that entries carry along and that is compared for equality. Pending
 * means that a write is under way to which the entries that depend on it are subject: it is equal to nothing then.
 */
export interface Generation {
  readonly id: string
  readonly isPending: boolean
}

/** A change of the server behind a store, after which what it holds may be older than what it has acknowledged. */
export interface ServerChange {
  /**
   * `connected`: the first server that this store has met. `promoted`: a replica has taken over; it may have missed the
   * last writes. `restarted`: anything else, such as a restart from a snapshot; it may have missed any number of them.
   */
  readonly kind: 'connected' | 'promoted' | 'restarted'
  /** Names the server and its run, for {@link FencedStore.bumpOnce}. */
  readonly server: string
  /** The server before; absent when this is the first. */
  readonly previous?: string
}

/**
 * Slots and generations: the shared memory of the processes of a fleet, in which an invalidation always wins.
 *
 * Each operation is one step: nobody sees a state in between. `key` is a key of the keyspace, as the port takes it; the
 * store keeps its slot elsewhere, out of reach for the port. Durations are milliseconds, integers of at least 1; the
 * store's own clock decides when they are over, and writers past their deadline are taken out of a slot by whatever
 * happens to it next. Operations never reject; a failure says nothing about whether the operation took effect.
 *
 * Everything that changes a slot or a generation is told by the {@link InvalidationFeed} of the store, and
 * `invalidate`, `beginWrite`, `endWrite` and the bumps always change something, so that they are always told.
 */
export interface FencedStore {
  /**
   * Reads a slot.
   *
   * @param options.lifetime - Tell how long an entry will live; otherwise its `remainingMs` may be `NaN`, which spares
   * a command.
   */
  read(key: string, options?: { readonly lifetime?: boolean }): Promise<Result<Slot>>

  /** Reads many slots, with their lifetimes, in the order of `keys`. */
  readMany(keys: readonly string[]): Promise<Result<readonly Slot[]>>

  /** Tells which state a slot is in, without the bytes of an entry. */
  identify(key: string): Promise<Result<SlotStamp>>

  /**
   * Takes a lease: the right to fill an absent slot, or one that holds the entry `unlessId`, which the caller has found
   * to be invalid.
   *
   * @returns what the slot now holds: the lease `token`, or what kept it from being taken.
   */
  acquire(key: string, token: string, durationMs: number, unlessId?: string): Promise<Result<Slot>>

  /** Lets the lease live for `durationMs` from now; `false` when it is gone. */
  renew(key: string, token: string, durationMs: number): Promise<Result<boolean>>

  /** Gives the lease back; `false` when it was gone. */
  release(key: string, token: string): Promise<Result<boolean>>

  /** Turns the lease into an entry; `false`, and nothing is stored, when the lease is gone. */
  fill(key: string, token: string, entry: SlotEntry): Promise<Result<boolean>>

  /** Replaces the entry `id` by a newer one; `false`, and nothing is stored, when the slot holds anything else. */
  refresh(key: string, id: string, entry: SlotEntry): Promise<Result<boolean>>

  /**
   * Claims the right to refresh an entry, or keeps it for another `durationMs`; `false` when another token has it. The
   * feed tells nobody.
   */
  claim(key: string, token: string, durationMs: number): Promise<Result<boolean>>

  /** Gives a claim back; `false` when it was gone. */
  unclaim(key: string, token: string): Promise<Result<boolean>>

  /**
   * Empties the slots: an entry and a lease are gone, a closed slot stays closed, and none of its writers may store.
   * Fails when any of them could not be emptied.
   *
   * @param options.holdMs - Leave the slots closed for this long, so that what is loaded meanwhile is not stored.
   */
  invalidate(keys: readonly string[], options?: { readonly holdMs?: number }): Promise<Result<void>>

  /**
   * Closes the slot, whatever it holds, for a write to the source: until it ends, or `durationMs` have passed, nothing
   * can be filled. Of several writers in one slot none may store.
   */
  beginWrite(key: string, token: string, durationMs: number): Promise<Result<void>>

  /** Lets the write go on for `durationMs` from now; `false` when the slot has forgotten it. */
  renewWrite(key: string, token: string, durationMs: number): Promise<Result<boolean>>

  /**
   * Ends a write. The slot stays closed while others write. After the last one it holds `entry` if that writer was
   * alone throughout and nothing was invalidated meanwhile; else it is absent. A write that the slot does not know (its
   * deadline had passed) empties it as `invalidate` does.
   *
   * @param options.holdMs - As for `invalidate`; not together with `entry`.
   * @returns whether `entry` was stored.
   */
  endWrite(
    key: string,
    token: string,
    options?: { readonly entry?: SlotEntry; readonly holdMs?: number }
  ): Promise<Result<boolean>>

  /** Reads generations in the order of `names`; one that is not there is made. */
  readGenerations(names: readonly string[]): Promise<Result<readonly Generation[]>>

  /** Changes the generations, so that no entry that carries one of them is valid any more. */
  bumpGenerations(names: readonly string[]): Promise<Result<void>>

  /** Makes the generations pending, for a write that lasts until its end or for `durationMs`. */
  beginGenerationWrite(names: readonly string[], token: string, durationMs: number): Promise<Result<void>>

  /** Lets such a write go on for `durationMs` from now; `false` when one of the generations has forgotten it. */
  renewGenerationWrite(names: readonly string[], token: string, durationMs: number): Promise<Result<boolean>>

  /** Ends such a write. Each generation changes; after its last write it is an ordinary one again. */
  endGenerationWrite(names: readonly string[], token: string): Promise<Result<void>>

  /**
   * Changes a generation once for each `occasion`, whoever of the fleet asks first.
   *
   * @param options.continues - An occasion before this one: if it is on record, the new one is put on record and the
   * generation stays as it is.
   * @returns whether this call changed it.
   */
  bumpOnce(name: string, occasion: string, options?: { readonly continues?: string }): Promise<Result<boolean>>

  /**
   * Whether the store can be asked at all at the moment. While it cannot, operations fail at once.
   */
  readonly isReachable: boolean

  /**
   * Has `listener` told of each change of the server, before any answer of the new one reaches its caller; the last
   * change is told at once to who comes later. Must not throw.
   */
  onServerChange(listener: (change: ServerChange) => void): void
}
