import type { FencedStore, Result, SlotEntry } from '@dashtam/cache-protocol'
import { err, ok } from '@dashtam/cache-protocol'
import { MAX_TTL_SECONDS, randomId } from '@dashtam/cache-protocol/adapter'
import type { Question } from './answer.ts'
import { callLoader } from './call-loader.ts'
import type { Capture } from './capture.ts'
import type { Coherence } from './coherence.ts'
import { type EntryHeader, writeEntry } from './entry-format.ts'
import type { FamilyDefinition } from './family-definition.ts'
import type { Fence } from './fence.ts'
import type { Flight } from './flight.ts'
import { giveBack } from './give-back.ts'
import { MemoryEntry, type MemoryTier, timesOf } from './memory-tier.ts'
import type { Reading } from './reading.ts'
import type { Renewals } from './renewals.ts'
import type { EngineSettings } from './settings.ts'
import { decodeShared, type SharedValue, unstorable } from './shared-value.ts'
import { warnOnce } from './warn-once.ts'

/** What a load is allowed to do with its value. At most one of these; without any it is stored nowhere. */
export interface Ticket {
  /** The lease that it may turn into an entry. */
  readonly token?: string
  /** The closed slot under which it loads: it may be joined, and not stored. */
  readonly closedId?: string
  /** The entry without payload whose value it may keep in memory. */
  readonly kept?: Kept
  /** The store could not be asked: the value is kept in memory for a moment. */
  readonly isUnbacked?: boolean
  /** As `isUnbacked`, because the store has no room. */
  readonly isRefused?: boolean
}

interface Kept {
  readonly id: string
  readonly header: EntryHeader
  readonly asked: Question
  readonly expiresAtMs: number
}

/** What a store takes: a lifetime and its stale time may be longer together than either alone. */
const LONGEST_TTL_MS = MAX_TTL_SECONDS * 1_000

export const NOT_STORED: Ticket = Object.freeze({})

/** Why a value is not stored. */
interface Refusal {
  readonly code: string
  readonly message: string
}

const UNREADABLE: Refusal = Object.freeze({
  code: 'CACHE_SERIALIZATION_ERROR',
  message: 'The value does not fit the schema of its codec, or is one that the codec writes and cannot read.'
})

/** A value as it was given, as bytes, and as the copy that readers share. */
export interface Encoded<V> {
  readonly given: V
  readonly bytes: Uint8Array
  readonly value: SharedValue<V>
}

/** A value, encoded and with its lifetime. */
export interface Prepared<V> {
  /** The generations that it depends on. */
  readonly capture: Capture
  readonly value: SharedValue<V>
  readonly entry: SlotEntry
  readonly header: EntryHeader
}

export interface Loaded<V> {
  readonly value: SharedValue<V>
  /** Resolves when it has been stored, or could not be. */
  readonly stored: Promise<void> | undefined
}

export interface LoadingDeps {
  readonly store: FencedStore
  readonly coherence: Coherence
  readonly memory: MemoryTier
  readonly renewals: Renewals
  readonly settings: EngineSettings
}

/** Loads a value, and stores it where it may be stored. */
export class Loading {
  readonly #store: FencedStore
  readonly #coherence: Coherence
  readonly #memory: MemoryTier
  readonly #renewals: Renewals
  readonly #settings: EngineSettings

  constructor({ store, coherence, memory, renewals, settings }: LoadingDeps) {
    this.#store = store
    this.#coherence = coherence
    this.#memory = memory
    this.#renewals = renewals
    this.#settings = settings
  }

  async load<V>(flight: Flight<V>, capture: Capture, ticket: Ticket): Promise<Loaded<V>> {
    const { reading, fence } = flight
    const { family, key, params } = reading
    const { token } = ticket
    const { leaseMs } = this.#settings
    const startedAtMs = this.#settings.clock()
    const createdAtMs = Date.now()
    const { moves } = fence
    const stopRenewing =
      token === undefined ? undefined : this.#renewals.start(() => this.#store.renew(key, token, leaseMs))
    let isFilling = false
    try {
      if (flight.isAbandoned) throw flight.signal.reason
      const value = await callLoader(family, context => reading.call(context), flight.controller)
      const encoded = this.encode(family, key, value)
      if (!encoded.ok) {
        const message = `${encoded.error.message} It is loaded anew by each read.`
        warnOnce(family.name, 'DASHTAM_CACHE_TIERED_UNSTORABLE', message)
        return { value: unstorable(value), stored: undefined }
      }
      const prepared = this.prepare(family, params, encoded.value, capture, createdAtMs)
      if (prepared === undefined) {
        this.#forget(reading)
        return { value: encoded.value.value, stored: undefined }
      }
      stopRenewing?.()
      if (token !== undefined) {
        isFilling = true
        return {
          value: prepared.value,
          stored: this.#fill(reading, fence, token, prepared, { atMs: startedAtMs, moves })
        }
      }
      if (ticket.kept !== undefined) this.#keep(reading, fence, capture, ticket.kept, prepared.value)
      // What this process has invalidated while it loaded, it knows to be old.
      else if (ticket.isUnbacked && fence.moves === moves)
        this.#keepUnbacked(key, prepared, startedAtMs, ticket.isRefused === true)
      return { value: prepared.value, stored: undefined }
    } finally {
      stopRenewing?.()
      if (token !== undefined && !isFilling) void giveBack(this.#store, key, token, leaseMs)
    }
  }

  /** Encodes a value and takes a copy of it to be shared: the loader's own object stays the loader's. */
  encode<P, V>({ codec, counters }: FamilyDefinition<P, V>, key: string, value: V): Result<Encoded<V>, Refusal> {
    const encoded = codec.encode(value, { key })
    const decoded = encoded.ok ? decodeShared(encoded.value, codec, key) : encoded
    if (encoded.ok && decoded.ok) return ok({ given: value, bytes: encoded.value, value: decoded.value })
    counters.unstorable++
    return encoded.ok ? err(UNREADABLE) : encoded
  }

  /** Gives a value its lifetime; `undefined` when that says that it is not to be stored. */
  prepare<P, V>(
    family: FamilyDefinition<P, V>,
    params: P,
    { given, bytes: payload, value }: Encoded<V>,
    capture: Capture,
    createdAtMs: number
  ): Prepared<V> | undefined {
    const wantedMs = family.freshMsOf(given, params)
    if (wantedMs === 0) return undefined
    const freshMs = wantedMs * (1 - family.jitter * this.#settings.random())
    const { staleMs } = family
    const header = { createdAtMs, freshMs, staleMs, generations: capture.ids }
    const bytes = writeEntry(header, family.placement === 'memory' ? undefined : payload)
    const ttlMs = freshMs === Infinity ? Infinity : Math.min(LONGEST_TTL_MS, Math.max(1, Math.ceil(freshMs + staleMs)))
    return { capture, value, header, entry: { id: randomId(), bytes, ttlMs } }
  }

  /**
   * Keeps in memory what the store holds under `id`.
   *
   * @param sent - What was known before the store was told or asked: what has moved since makes it suspect.
   */
  remember<P, V>(
    { family, key }: Pick<Reading<P, V>, 'family' | 'key'>,
    fence: Fence,
    { capture, value, header, entry }: Prepared<V>,
    sent: Question
  ): void {
    if (family.placement === 'shared' || sent.epoch !== this.#coherence.epoch || !this.#coherence.isTrusted) return
    const times = timesOf(header, family.refreshAfter, sent.atMs + entry.ttlMs)
    const remembered = new MemoryEntry(
      value,
      entry.id,
      { ...capture, epoch: sent.epoch },
      times,
      fence.moves !== sent.moves
    )
    this.#memory.put(key, remembered as MemoryEntry, family.policy === 'stale')
  }

  /** The source has answered what is not to be kept: what was known before is not the last value any more. */
  #forget<P, V>({ family, key }: Reading<P, V>): void {
    const known = family.policy === 'stale' ? this.#memory.peek(key) : undefined
    if (known !== undefined) this.#memory.drop(key, known)
  }

  async #fill<P, V>(
    reading: Reading<P, V>,
    fence: Fence,
    token: string,
    prepared: Prepared<V>,
    started: { readonly atMs: number; readonly moves: number }
  ): Promise<void> {
    const { counters } = reading.family
    // Before the command: of a delete that follows the fill the message may come before the answer.
    const sent = { moves: fence.moves, epoch: this.#coherence.epoch, atMs: this.#settings.clock() }
    const filled = await this.#store.fill(reading.key, token, prepared.entry)
    if (filled.ok) {
      if (filled.value) this.remember(reading, fence, prepared, sent)
      else counters.fenced++
      return
    }
    void giveBack(this.#store, reading.key, token, this.#settings.leaseMs)
    if (filled.error.code === 'CACHE_VALUE_TOO_LARGE') counters.unstorable++
    else if (fence.moves === started.moves)
      this.#keepUnbacked(reading.key, prepared, started.atMs, filled.error.reason === 'server')
  }

  /** An entry without payload: its value is kept under its id, and nothing is written, or processes would evict each other. */
  #keep<P, V>({ family, key }: Reading<P, V>, fence: Fence, capture: Capture, kept: Kept, value: SharedValue<V>): void {
    if (fence.moves !== kept.asked.moves || kept.asked.epoch !== this.#coherence.epoch || !this.#coherence.isTrusted)
      return
    const times = timesOf(kept.header, family.refreshAfter, kept.expiresAtMs)
    const entry = new MemoryEntry(value, kept.id, { ...capture, epoch: kept.asked.epoch }, times, false)
    this.#memory.put(key, entry as MemoryEntry, family.policy === 'stale')
  }

  /** Counted from the beginning of the load: what was invalidated while it ran is forgotten as early. */
  #keepUnbacked<V>(
    key: string,
    { capture, value, header, entry }: Prepared<V>,
    startedAtMs: number,
    isRefused: boolean
  ): void {
    const untilMs = startedAtMs + Math.min(this.#settings.degradedMs, entry.ttlMs)
    const times = { createdAtMs: header.createdAtMs, freshUntilMs: untilMs, hitUntilMs: untilMs, expiresAtMs: untilMs }
    this.#memory.put(key, new MemoryEntry(value, undefined, capture, times, false, isRefused) as MemoryEntry, false)
  }
}
