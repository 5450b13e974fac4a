import type { CacheError, FencedStore, Result, Slot } from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import { type Capture, sameIds } from './capture.ts'
import type { Coherence } from './coherence.ts'
import { type ParsedEntry, readEntry } from './entry-format.ts'
import { CacheUnavailableError } from './errors.ts'
import type { FamilyDefinition } from './family-definition.ts'
import type { Fence } from './fence.ts'
import { Flight, type Outcome } from './flight.ts'
import type { Generations } from './generations.ts'
import { type Loading, NOT_STORED, type Ticket } from './loading.ts'
import { MemoryEntry, type MemoryTier, timesOf } from './memory-tier.ts'
import type { Owed } from './owed.ts'
import type { Reading } from './reading.ts'
import type { Refresher } from './refresher.ts'
import type { EngineSettings } from './settings.ts'
import { decodeShared } from './shared-value.ts'

/** How often to look at a lease when nobody tells that it has gone. */
const UNTOLD_POLL_MS = 50
/** And otherwise: the store may be in trouble, so that whoever holds it can neither fill nor release it. */
const POLLS_PER_HEARTBEAT = 4
/** Beyond the end of a lease, so that the server has noticed it too. */
const LEASE_END_MARGIN_MS = 2
/** So many entries in a row that are invalid when they are met: the value is loaded and not stored. */
const MAX_ATTEMPTS = 3

/** What the store has answered, and what was known when it was asked. */
interface Answer {
  readonly slot: Slot
  readonly capture: Capture
  /** The `moves` of the fence before the question. */
  readonly moves: number
  readonly epoch: number
  readonly askedAtMs: number
}

export interface ReaderDeps {
  readonly store: FencedStore
  readonly coherence: Coherence
  readonly generations: Generations
  readonly memory: MemoryTier
  readonly owed: Owed
  readonly loading: Loading
  readonly refresher: Refresher
  readonly settings: EngineSettings
}

/** Reads through: memory, the flight of this process, the shared store, a lease, the loader. */
export class Reader {
  readonly #store: FencedStore
  readonly #coherence: Coherence
  readonly #generations: Generations
  readonly #memory: MemoryTier
  readonly #owed: Owed
  readonly #loader: Loading
  readonly #refresher: Refresher
  readonly #settings: EngineSettings
  /** Loads under way, by what they are allowed to fill or must not: their lease's token, or the closed slot's id. */
  readonly #loading = new Map<string, Flight>()

  constructor({ store, coherence, generations, memory, owed, loading, refresher, settings }: ReaderDeps) {
    this.#store = store
    this.#coherence = coherence
    this.#generations = generations
    this.#memory = memory
    this.#owed = owed
    this.#loader = loading
    this.#refresher = refresher
    this.#settings = settings
  }

  /** What memory has for an ordinary read, or for one that has passed its barrier; `undefined` when it must be asked for. */
  fromMemory<P, V>(reading: Reading<P, V>): Outcome<V> | Promise<Outcome<V>> | undefined {
    const { family, key } = reading
    const entry = this.#memory.get(key) as MemoryEntry<V> | undefined
    if (entry === undefined) return undefined
    if (entry.id === undefined) return this.#unbacked(reading, entry)
    if (!this.isCurrent(entry)) return undefined
    const nowMs = this.#settings.clock()
    if (nowMs >= entry.expiresAtMs) return undefined
    if (nowMs < entry.hitUntilMs) return { value: entry.value, status: 'hit', tier: 'memory' }
    const isFresh = nowMs < entry.freshUntilMs
    return this.#whileRefreshing(reading, entry.id, entry, isFresh ? 'hit' : 'stale', 'memory', family)
  }

  /** Whether the entry is known to be as the shared store has it. */
  isCurrent(entry: MemoryEntry): boolean {
    const { epoch, moves, isTrusted } = this.#coherence
    if (entry.isSuspect || entry.epoch !== epoch || !isTrusted) return false
    if (entry.id === undefined) return false
    if (entry.checkedAt === moves) return true
    const { fences, ids } = entry.capture
    for (let index = 0; index < fences.length; index++) {
      if (fences[index]?.idIn(epoch) !== ids[index]) return false
    }
    entry.checkedAt = moves
    return true
  }

  /** The flight that a read may join, or one of its own. Whoever waits for it uses `waitFor`. */
  flight<P, V>(reading: Reading<P, V>, mayJoin: boolean): { flight: Flight<V>; isJoined: boolean } {
    const { family, key, params } = reading
    const held = this.#coherence.fenceOf(key)
    const known = held?.flight as Flight<V> | undefined
    if (mayJoin && held !== undefined && known !== undefined && this.#isJoinable(known, held)) {
      return { flight: known, isJoined: true }
    }
    // Before the fence is held: the family's own function may throw.
    const fences = this.#generations.fencesOf(family.tagsOf(params))
    const blind = this.#generations.blind(fences)
    const fence = this.#coherence.enter(key)
    const flight = new Flight<V>(key, this.#settings.clock(), fence.moves, blind)
    flight.trustsNothing = !mayJoin
    fence.flight = flight as Flight
    flight.promise = this.#fly(reading, flight, fence)
    return { flight, isJoined: false }
  }

  #isJoinable(flight: Flight<unknown>, fence: Fence): boolean {
    if (!this.#isUnmoved(flight, fence)) return false
    if (this.#coherence.isTrusted) return flight.capture.epoch === this.#coherence.epoch
    // Nobody would tell of a change: what the store has said may be older than one, and may be asked again.
    if (this.#store.isReachable) return flight.askedAtMs >= this.#settings.clock()
    return this.#isYoung(flight)
  }

  /** Whether nothing has been told since it looked. Of what nobody has told, because of a gap, it knows nothing. */
  #isUnmoved({ moves, isAbandoned, capture }: Flight<unknown>, fence: Fence): boolean {
    return moves === fence.moves && !isAbandoned && this.#generations.areUnmoved(capture)
  }

  /** Whether a flight of which nobody would tell that it is out of date cannot be so by much. */
  #isYoung({ askedAtMs }: Flight<unknown>): boolean {
    return this.#settings.clock() - askedAtMs < this.#settings.heartbeatMs / 2
  }

  async #fly<P, V>(reading: Reading<P, V>, flight: Flight<V>, fence: Fence): Promise<Outcome<V>> {
    try {
      return await this.#resolve(reading, flight, fence)
    } finally {
      flight.settle()
      if (flight.stored === undefined) this.#land(flight, fence)
      else void flight.stored.then(() => this.#land(flight, fence))
    }
  }

  /** Another flight may have taken its place meanwhile. */
  #land(flight: Flight<never> | Flight, fence: Fence): void {
    if (fence.flight === flight) fence.flight = undefined
    if (fence.unbacked === flight) fence.unbacked = undefined
    this.#coherence.leave(flight.key, fence)
  }

  async #resolve<P, V>(reading: Reading<P, V>, flight: Flight<V>, fence: Fence): Promise<Outcome<V>> {
    const { fences } = flight.capture
    if (this.#owed.covers(reading.key, fences) && !(await this.#delivered(reading.key, flight))) {
      return this.#withoutStore(reading, flight, fence, undefined)
    }
    const remembered = this.#memory.peek(reading.key) as MemoryEntry<V> | undefined
    if (remembered?.id !== undefined) {
      const confirmed = await this.#confirm(reading, remembered, remembered.id, flight, fence)
      if (confirmed !== undefined) return confirmed
    }
    const answer = await this.#ask(reading, flight, fence)
    if (!answer.ok) return this.#withoutStore(reading, flight, fence, answer.error)
    // It answers again, and has something newer than what was loaded without it.
    const isOutdated = answer.value.slot.kind !== 'absent' && remembered?.isRefused === false
    if (isOutdated && remembered.id === undefined) this.#forget(reading, remembered)
    return this.#settle(reading, flight, fence, answer.value, 0)
  }

  /**
   * Whether the answer came from a store that has not been told of an invalidation: one of this process that it did not
   * acknowledge, or any, if it is another server than the one that did.
   */
  #mustAskAgain<P, V>({ key }: Reading<P, V>, { capture }: Flight<V>): boolean {
    return this.#owed.covers(key, capture.fences)
  }

  async #delivered(key: string, { capture }: Flight<unknown>): Promise<boolean> {
    return (await this.#owed.deliver()) || !this.#owed.covers(key, capture.fences)
  }

  /**
   * Asks whether what is remembered is what the store has, without having it sent again. An answer serves this flight in
   * any case; it is trusted for later reads only if nothing has moved meanwhile.
   */
  async #confirm<P, V>(
    reading: Reading<P, V>,
    entry: MemoryEntry<V>,
    id: string,
    flight: Flight<V>,
    fence: Fence
  ): Promise<Outcome<V> | undefined> {
    const { key, family } = reading
    const known = flight.trustsNothing ? undefined : this.#generations.known(entry.capture.fences)
    // It is known to be out of date: then its successor is asked for at once.
    if (known !== undefined && !sameIds(known.ids, entry.capture.ids)) {
      this.#forget(reading, entry)
      return undefined
    }
    const moves = fence.moves
    const { epoch } = this.#coherence
    const askedAtMs = this.#settings.clock()
    const [stamp, captured] = await Promise.all([
      this.#store.identify(key),
      this.#generations.capture(flight.capture.fences, known === undefined)
    ])
    if (!stamp.ok) return this.#withoutStore(reading, flight, fence, stamp.error)
    if (!captured.ok) return this.#withoutStore(reading, flight, fence, captured.error)
    if (this.#mustAskAgain(reading, flight)) return this.#resolve(reading, flight, fence)
    const capture = captured.value
    const answer = { capture, moves, epoch, askedAtMs }
    if (stamp.value.kind === 'entry') {
      const isSame = stamp.value.id === id && askedAtMs + stamp.value.remainingMs > this.#settings.clock()
      if (isSame && !capture.isPending && sameIds(capture.ids, entry.capture.ids)) {
        family.counters.confirmed++
        return this.#trustAgain(reading, entry, id, stamp.value.remainingMs, answer, fence)
      }
      this.#forget(reading, entry)
      if (stamp.value.id !== id || capture.isPending) return undefined
      const bytes = new Uint8Array()
      return this.#acquire(reading, flight, fence, { ...answer, slot: { ...stamp.value, kind: 'entry', bytes } }, id, 0)
    }
    this.#forget(reading, entry)
    return this.#settle(reading, flight, fence, { ...answer, slot: stamp.value as Exclude<Slot, { kind: 'entry' }> }, 0)
  }

  #trustAgain<P, V>(
    reading: Reading<P, V>,
    entry: MemoryEntry<V>,
    id: string,
    remainingMs: number,
    { capture, moves, epoch, askedAtMs }: Omit<Answer, 'slot'>,
    fence: Fence
  ): Outcome<V> | Promise<Outcome<V>> {
    const nowMs = this.#settings.clock()
    entry.expiresAtMs = Math.min(entry.expiresAtMs, askedAtMs + remainingMs)
    // Somebody may have shortened its life: a hit looks at nothing else.
    entry.hitUntilMs = Math.min(entry.hitUntilMs, entry.expiresAtMs)
    if (fence.moves === moves && this.#coherence.epoch === epoch && this.#coherence.isTrusted) {
      entry.isSuspect = false
      entry.epoch = epoch
      entry.capture = capture
    }
    if (nowMs < entry.hitUntilMs) return { value: entry.value, status: 'hit', tier: 'memory' }
    const isFresh = nowMs < entry.freshUntilMs
    return this.#whileRefreshing(reading, id, entry, isFresh ? 'hit' : 'stale', 'memory', reading.family)
  }

  /** Out of date. Under the policy `stale` it stays, as the last value known. */
  #forget<P, V>({ family, key }: Reading<P, V>, entry: MemoryEntry): void {
    entry.suspect()
    if (family.policy !== 'stale') this.#memory.drop(key, entry)
  }

  async #ask<P, V>(
    { key, family }: Reading<P, V>,
    flight: Flight<V>,
    fence: Fence
  ): Promise<Result<Answer, CacheError>> {
    const moves = fence.moves
    const { epoch } = this.#coherence
    const askedAtMs = this.#settings.clock()
    const known = flight.trustsNothing ? undefined : this.#generations.known(flight.capture.fences)
    const lifetime = family.placement !== 'shared' || family.staleMs > 0 || family.refreshAfter < 1
    const reading = this.#store.read(key, lifetime ? WITH_LIFETIME : undefined)
    const captured = known === undefined ? await this.#generations.capture(flight.capture.fences, true) : undefined
    const slot = await reading
    if (!slot.ok) return slot
    if (captured?.ok === false) return captured
    const capture = known ?? (captured as { value: Capture }).value
    return ok({ slot: slot.value, capture, moves, epoch, askedAtMs })
  }

  async #settle<P, V>(
    reading: Reading<P, V>,
    flight: Flight<V>,
    fence: Fence,
    answer: Answer,
    attempt: number
  ): Promise<Outcome<V>> {
    if (this.#mustAskAgain(reading, flight)) return this.#resolve(reading, flight, fence)
    const { slot, capture } = answer
    switch (slot.kind) {
      case 'entry':
        return this.#fromEntry(reading, flight, fence, answer, slot, attempt)
      case 'lease':
      case 'closed': {
        const own = this.#loading.get(slot.id) as Flight<V> | undefined
        const adopted = own === undefined ? undefined : this.#adopt(own, flight, fence, answer)
        if (adopted !== undefined) {
          // It may be a load that waits for this read to decide.
          reading.isWaiting?.()
          return adopted
        }
        if (slot.kind === 'lease') return this.#wait(reading, flight, fence, answer, slot.id, slot.remainingMs)
        return this.#load(reading, flight, fence, capture, { closedId: slot.id })
      }
      default:
        if (capture.isPending) return this.#load(reading, flight, fence, capture, NOT_STORED)
        return this.#acquire(reading, flight, fence, answer, undefined, attempt)
    }
  }

  /** The store still knows the load that this process has under way, so nothing was invalidated since it began. */
  #adopt<V>(own: Flight<V>, flight: Flight<V>, fence: Fence, answer: Answer): Promise<Outcome<V>> | undefined {
    const { capture, moves } = answer
    if (own === flight || own.isAbandoned || capture.isPending || !sameIds(own.capture.ids, capture.ids))
      return undefined
    own.moves = moves
    own.capture = capture
    if (fence.flight === (flight as Flight)) fence.flight = own as Flight
    return this.#share(own, flight)
  }

  /** Has `flight` end as `own` does. */
  #share<V>(own: Flight<V>, flight: Flight<V>): Promise<Outcome<V>> {
    own.join()
    flight.onAbandoned(() => own.leave())
    return own.promise.then(outcome => ({
      ...outcome,
      status: outcome.status === 'miss' ? 'collapsed' : outcome.status
    }))
  }

  async #fromEntry<P, V>(
    reading: Reading<P, V>,
    flight: Flight<V>,
    fence: Fence,
    answer: Answer,
    slot: Slot & { kind: 'entry' },
    attempt: number
  ): Promise<Outcome<V>> {
    const { family, key } = reading
    const entry = readEntry(slot.bytes)
    let { capture } = answer
    if (entry !== undefined && !capture.isFresh && !sameIds(entry.generations, capture.ids)) {
      // What was known of the generations may be what is out of date: the entry may be newer than they are.
      const fresh = await this.#generations.capture(capture.fences, true)
      if (!fresh.ok) return this.#withoutStore(reading, flight, fence, fresh.error)
      capture = fresh.value
    }
    if (capture.isPending) return this.#load(reading, flight, fence, capture, NOT_STORED)
    const known = { ...answer, capture }
    if (entry !== undefined && sameIds(entry.generations, capture.ids)) {
      if (entry.payload === undefined) {
        const expiresAtMs = answer.askedAtMs + slot.remainingMs
        return this.#load(reading, flight, fence, capture, {
          kept: { id: slot.id, header: entry, moves: answer.moves, epoch: answer.epoch, expiresAtMs }
        })
      }
      const value = decodeShared(entry.payload, family.codec, key)
      if (value.ok) return this.#serve(reading, fence, known, slot, entry, value.value, attempt)
    }
    if (entry === undefined || sameIds(entry.generations, capture.ids)) family.counters.unreadable++
    return this.#acquire(reading, flight, fence, known, slot.id, attempt)
  }

  #serve<P, V>(
    reading: Reading<P, V>,
    fence: Fence,
    { capture, moves, epoch, askedAtMs }: Answer,
    slot: Slot & { kind: 'entry' },
    header: ParsedEntry,
    value: MemoryEntry<V>['value'],
    attempt: number
  ): Outcome<V> | Promise<Outcome<V>> {
    const { family, key } = reading
    // An entry that appeared while this read wanted the lease was loaded by somebody else for it.
    const served: Outcome<V> =
      attempt > 0 ? { value, status: 'collapsed', tier: undefined } : { value, status: 'hit', tier: 'shared' }
    if (Number.isNaN(slot.remainingMs)) return served
    const times = timesOf(header, family.refreshAfter, askedAtMs + slot.remainingMs)
    const isSuspect = fence.moves !== moves
    const entry = new MemoryEntry(value, slot.id, capture, times, isSuspect)
    if (family.placement !== 'shared' && this.#coherence.epoch === epoch && this.#coherence.isTrusted) {
      this.#memory.put(key, entry as MemoryEntry, family.policy === 'stale')
    }
    const nowMs = this.#settings.clock()
    if (nowMs < times.hitUntilMs) return served
    return this.#whileRefreshing(
      reading,
      slot.id,
      entry,
      nowMs < times.freshUntilMs ? 'hit' : 'stale',
      'shared',
      family
    )
  }

  async #acquire<P, V>(
    reading: Reading<P, V>,
    flight: Flight<V>,
    fence: Fence,
    answer: Answer,
    unlessId: string | undefined,
    attempt: number
  ): Promise<Outcome<V>> {
    if (attempt >= MAX_ATTEMPTS) return this.#load(reading, flight, fence, answer.capture, NOT_STORED)
    const token = randomId()
    const moves = fence.moves
    const { epoch } = this.#coherence
    const askedAtMs = this.#settings.clock()
    const taken = await this.#store.acquire(reading.key, token, this.#settings.leaseMs, unlessId)
    if (!taken.ok) return this.#withoutLease(reading, flight, fence, token, taken.error)
    if (taken.value.kind === 'lease' && taken.value.id === token) {
      return this.#load(reading, flight, fence, answer.capture, { token })
    }
    const next = { slot: taken.value, capture: answer.capture, moves, epoch, askedAtMs }
    return this.#settle(reading, flight, fence, next, attempt + 1)
  }

  /** A lease that was taken all the same would keep everybody out for its length. */
  #withoutLease<P, V>(
    reading: Reading<P, V>,
    flight: Flight<V>,
    fence: Fence,
    token: string,
    error: CacheError
  ): Promise<Outcome<V>> {
    void this.#store.release(reading.key, token)
    return this.#withoutStore(reading, flight, fence, error)
  }

  /**
   * Another process loads. It is waited for as long as the one token lives that was met, renewals included; whoever
   * waited for one lease after the other would wait for ever under a stream of invalidations.
   */
  async #wait<P, V>(
    reading: Reading<P, V>,
    flight: Flight<V>,
    fence: Fence,
    answer: Answer,
    met: string,
    remainingMs: number
  ): Promise<Outcome<V>> {
    reading.isWaiting?.()
    const { heartbeatMs } = this.#settings
    let { moves, epoch } = answer
    let leftMs = remainingMs
    for (;;) {
      const pollMs = this.#coherence.isTrusted ? heartbeatMs / POLLS_PER_HEARTBEAT : UNTOLD_POLL_MS
      const untilLookMs = Math.min(leftMs + LEASE_END_MARGIN_MS, pollMs)
      flight.askedAtMs = Infinity
      if (epoch === this.#coherence.epoch) await fence.moved(moves, untilLookMs)
      if (flight.isAbandoned) throw flight.signal.reason
      moves = fence.moves
      epoch = this.#coherence.epoch
      const askedAtMs = this.#settings.clock()
      flight.askedAtMs = askedAtMs
      const token = randomId()
      const [taken, captured] = await Promise.all([
        this.#store.acquire(reading.key, token, this.#settings.leaseMs),
        this.#generations.capture(flight.capture.fences, flight.trustsNothing)
      ])
      if (!taken.ok) return this.#withoutLease(reading, flight, fence, token, taken.error)
      const slot = taken.value
      if (slot.kind === 'lease' && slot.id === met) {
        leftMs = slot.remainingMs
        continue
      }
      if (!captured.ok) {
        void this.#store.release(reading.key, token)
        return this.#withoutStore(reading, flight, fence, captured.error)
      }
      const capture = captured.value
      if (slot.kind !== 'lease') {
        return this.#settle(reading, flight, fence, { slot, capture, moves, epoch, askedAtMs }, 1)
      }
      if (slot.id === token && !capture.isPending) return this.#load(reading, flight, fence, capture, { token })
      if (slot.id === token) void this.#store.release(reading.key, token)
      return this.#load(reading, flight, fence, capture, NOT_STORED)
    }
  }

  /** Loads, and stores what `ticket` allows. */
  async #load<P, V>(
    reading: Reading<P, V>,
    flight: Flight<V>,
    fence: Fence,
    capture: Capture,
    ticket: Ticket
  ): Promise<Outcome<V>> {
    const id = ticket.token ?? ticket.closedId
    flight.capture = capture
    if (id !== undefined) this.#loading.set(id, flight as Flight)
    try {
      const loaded = await this.#loader.load(reading, flight, fence, capture, ticket)
      flight.stored = loaded.stored
      return { value: loaded.value, status: 'miss', tier: undefined }
    } catch (error) {
      const last = reading.isStrong ? undefined : this.#lastKnown(reading)
      if (last === undefined) throw error
      return { value: last, status: 'stale', tier: 'memory' }
    } finally {
      if (id !== undefined && flight.stored === undefined) this.#loading.delete(id)
      else if (id !== undefined) void flight.stored?.then(() => this.#loading.delete(id))
    }
  }

  #lastKnown<P, V>({ family, key }: Reading<P, V>): MemoryEntry<V>['value'] | undefined {
    if (family.policy !== 'stale') return undefined
    return (this.#memory.peek(key) as MemoryEntry<V> | undefined)?.value
  }

  /** The store cannot be asked, or must not be believed yet. */
  #withoutStore<P, V>(
    reading: Reading<P, V>,
    flight: Flight<V>,
    fence: Fence,
    error: CacheError | undefined
  ): Promise<Outcome<V>> {
    const { family } = reading
    if (error?.code === 'CACHE_INVALID_ARGUMENT')
      return Promise.reject(new TypeError(`${family.name}: ${error.message}`))
    family.counters.degraded++
    if (family.policy === 'closed') return Promise.reject(this.#unavailable(reading, error))
    const found = reading.isStrong ? undefined : this.#unbackedByOther<V>(flight, fence)
    if (found !== undefined) return Promise.resolve(found)
    fence.unbacked = flight as Flight
    flight.askedAtMs = this.#settings.clock()
    const capture = this.#generations.blind(flight.capture.fences)
    // It answers, and there is no use in asking it again.
    const isRefused = error === undefined ? this.#store.isReachable : error.reason === 'server'
    return this.#load(reading, flight, fence, capture, { isUnbacked: true, isRefused })
  }

  /** What another read has just loaded, or is loading, because it could not ask the store either. */
  #unbackedByOther<V>(flight: Flight<V>, fence: Fence): Outcome<V> | Promise<Outcome<V>> | undefined {
    const entry = this.#memory.peek(flight.key) as MemoryEntry<V> | undefined
    if (entry !== undefined && entry.id === undefined && this.#isYetGood(entry)) {
      // Who joins this flight must know how old its value is.
      flight.capture = entry.capture
      return { value: entry.value, status: 'hit', tier: 'memory' }
    }
    const other = fence.unbacked as Flight<V> | undefined
    if (other === undefined || !this.#isUnmoved(other, fence) || !this.#isYoung(other)) return undefined
    flight.capture = other.capture
    return this.#share(other, flight)
  }

  #unavailable<P, V>({ family }: Reading<P, V>, error: CacheError | undefined): CacheUnavailableError {
    return new CacheUnavailableError(family.name, error)
  }

  /** What was loaded while the store could not be asked: for a moment, and never for a strong read. */
  #unbacked<P, V>(reading: Reading<P, V>, entry: MemoryEntry<V>): Outcome<V> | undefined {
    if (!entry.isRefused && this.#store.isReachable) return undefined
    if (reading.isStrong || !this.#isYetGood(entry)) return undefined
    return { value: entry.value, status: 'hit', tier: 'memory' }
  }

  /** Of what was loaded without the store nobody tells anyway, so that a gap makes no difference. */
  #isYetGood({ isSuspect, isRefused, expiresAtMs, capture }: MemoryEntry): boolean {
    if (isSuspect || this.#settings.clock() >= expiresAtMs || !this.#generations.areUnmoved(capture)) return false
    return !isRefused || capture.epoch === this.#coherence.epoch
  }

  #whileRefreshing<P, V>(
    reading: Reading<P, V>,
    id: string,
    entry: MemoryEntry<V>,
    status: 'hit' | 'stale',
    tier: 'memory' | 'shared',
    { softTimeoutMs }: FamilyDefinition<P, V>
  ): Outcome<V> | Promise<Outcome<V>> {
    const old: Outcome<V> = { value: entry.value, status, tier }
    const { refreshed, isJoined } = this.#refresher.refresh(reading, id)
    if (status === 'hit' || softTimeoutMs === 0) return old
    return this.#refresher.within(refreshed, softTimeoutMs).then(value => {
      return value === undefined ? old : { value, status: isJoined ? 'collapsed' : 'miss', tier: undefined }
    })
  }
}

const WITH_LIFETIME = Object.freeze({ lifetime: true })
