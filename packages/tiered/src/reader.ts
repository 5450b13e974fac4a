import type { CacheError, FencedStore, Result, Slot } from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import type { Answer, Question } from './answer.ts'
import { type Capture, sameIds } from './capture.ts'
import type { Coherence } from './coherence.ts'
import { type ParsedEntry, readEntry } from './entry-format.ts'
import { CacheUnavailableError } from './errors.ts'
import { Flight, type Outcome } from './flight.ts'
import type { Generations } from './generations.ts'
import { Joining } from './joining.ts'
import { type Loading, NOT_STORED, type Ticket } from './loading.ts'
import { MemoryEntry, type MemoryTier, timesOf } from './memory-tier.ts'
import type { Owed } from './owed.ts'
import type { Reading } from './reading.ts'
import type { Refresher } from './refresher.ts'
import type { EngineSettings } from './settings.ts'
import { decodeShared } from './shared-value.ts'
import { Unbacked } from './unbacked.ts'

/** How often to look at a lease when nobody tells that it has gone. */
const UNTOLD_POLL_MS = 50
/** And otherwise: the store may be in trouble, so that whoever holds it can neither fill nor release it. */
const POLLS_PER_HEARTBEAT = 4
/** Beyond the end of a lease, so that the server has noticed it too. */
const LEASE_END_MARGIN_MS = 2
/** So many entries in a row that are invalid when they are met: the value is loaded and not stored. */
const MAX_ATTEMPTS = 3

const WITH_LIFETIME = Object.freeze({ lifetime: true })

type EntrySlot = Extract<Slot, { kind: 'entry' }>

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

/**
 * Reads through: memory, the flight of this process, the shared store, a lease, the loader.
 *
 * What a hit in the shared store passes through is written with callbacks and answers at once what it can: each async
 * function on the way is another promise, and another turn of the microtask queue.
 */
export class Reader {
  readonly #store: FencedStore
  readonly #coherence: Coherence
  readonly #generations: Generations
  readonly #memory: MemoryTier
  readonly #owed: Owed
  readonly #loader: Loading
  readonly #refresher: Refresher
  readonly #settings: EngineSettings
  readonly #joining: Joining
  readonly #unbacked: Unbacked
  /** Loads under way, by what they are allowed to fill or must not: their lease's token, or the closed slot's id. */
  readonly #loading = new Map<string, Flight>()

  constructor(deps: ReaderDeps) {
    this.#store = deps.store
    this.#coherence = deps.coherence
    this.#generations = deps.generations
    this.#memory = deps.memory
    this.#owed = deps.owed
    this.#loader = deps.loading
    this.#refresher = deps.refresher
    this.#settings = deps.settings
    this.#joining = new Joining(deps)
    this.#unbacked = new Unbacked({ ...deps, joining: this.#joining })
  }

  /** What memory has for an ordinary read, or for one that has passed its barrier; `undefined` when it must be asked for. */
  fromMemory<P, V>(reading: Reading<P, V>): Outcome<V> | Promise<Outcome<V>> | undefined {
    const entry = this.#memory.get(reading.key) as MemoryEntry<V> | undefined
    if (entry === undefined) return undefined
    if (entry.id === undefined) return this.#unbacked.hit(reading, entry)
    if (!this.isCurrent(entry)) return undefined
    const nowMs = this.#settings.clock()
    if (nowMs >= entry.expiresAtMs) return undefined
    if (nowMs < entry.hitUntilMs) return { value: entry.value, status: 'hit', tier: 'memory' }
    return this.#whileRefreshing(reading, entry.id, entry, 'memory')
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
    const known = this.#coherence.fenceOf(key)?.flight as Flight<V> | undefined
    if (mayJoin && known !== undefined && this.#joining.isJoinable(known)) return { flight: known, isJoined: true }
    // Before the fence is held: the family's own function may throw.
    const fences = this.#generations.fencesOf(family.tagsOf(params))
    const capture = mayJoin ? this.#generations.glance(fences) : this.#generations.blind(fences)
    const fence = this.#coherence.enter(key)
    const flight = new Flight<V>(reading as Reading<unknown, V>, fence, capture, this.#settings.clock())
    flight.trustsNothing = !mayJoin
    fence.flight = flight as Flight
    flight.promise = this.#fly(flight)
    return { flight, isJoined: false }
  }

  async #fly<V>(flight: Flight<V>): Promise<Outcome<V>> {
    try {
      return await this.#resolve(flight)
    } finally {
      this.#arrive(flight)
    }
  }

  #arrive<V>(flight: Flight<V>): void {
    flight.settle()
    if (flight.stored === undefined) this.#land(flight)
    else void flight.stored.then(() => this.#land(flight))
  }

  /** Another flight may have taken its place meanwhile. */
  #land<V>(flight: Flight<V>): void {
    const { fence, reading } = flight
    if (fence.flight === (flight as Flight)) fence.flight = undefined
    if (fence.unbacked === (flight as Flight)) fence.unbacked = undefined
    this.#coherence.leave(reading.key, fence)
  }

  #resolve<V>(flight: Flight<V>): Promise<Outcome<V>> {
    return this.#mustNotAsk(flight) ? this.#deliverFirst(flight) : this.#ask(flight)
  }

  /**
   * Whether the store has not been told of an invalidation: one of this process that it did not acknowledge, or any, if
   * it is another server than the one that did. What it answers is not believed, nor what it has answered meanwhile.
   */
  #mustNotAsk<V>({ reading, capture }: Flight<V>): boolean {
    return this.#owed.covers(reading.key, capture.fences)
  }

  async #deliverFirst<V>(flight: Flight<V>): Promise<Outcome<V>> {
    const isDelivered = (await this.#owed.deliver()) || !this.#mustNotAsk(flight)
    return isDelivered ? this.#ask(flight) : this.#withoutStore(flight, undefined)
  }

  #ask<V>(flight: Flight<V>): Promise<Outcome<V>> {
    const remembered = this.#memory.peek(flight.reading.key) as MemoryEntry<V> | undefined
    if (remembered?.id === undefined) return this.#look(flight, remembered)
    return this.#confirm(flight, remembered, remembered.id)
  }

  #question<V>({ fence }: Flight<V>): Question {
    return { moves: fence.moves, epoch: this.#coherence.epoch, atMs: this.#settings.clock() }
  }

  /**
   * Asks whether what is remembered is what the store has, without having it sent again. An answer serves this flight in
   * any case; it is trusted for later reads only if nothing has moved meanwhile.
   */
  async #confirm<V>(flight: Flight<V>, entry: MemoryEntry<V>, id: string): Promise<Outcome<V>> {
    const { key, family } = flight.reading
    const known = flight.trustsNothing ? undefined : this.#generations.known(entry.capture.fences)
    // It is known to be out of date: then its successor is asked for at once.
    if (known !== undefined && !sameIds(known.ids, entry.capture.ids)) {
      this.#forget(flight, entry)
      return this.#look(flight, undefined)
    }
    const asked = this.#question(flight)
    const [stamp, captured] = await Promise.all([
      this.#store.identify(key),
      this.#generations.capture(flight.capture.fences, known === undefined)
    ])
    if (!stamp.ok) return this.#withoutStore(flight, stamp.error)
    if (!captured.ok) return this.#withoutStore(flight, captured.error)
    if (this.#mustNotAsk(flight)) return this.#resolve(flight)
    const capture = captured.value
    if (stamp.value.kind === 'entry') {
      const isSame = stamp.value.id === id && asked.atMs + stamp.value.remainingMs > this.#settings.clock()
      if (isSame && !capture.isPending && sameIds(capture.ids, entry.capture.ids)) {
        family.counters.confirmed++
        return this.#trustAgain(flight, entry, id, asked.atMs + stamp.value.remainingMs, capture, asked)
      }
      this.#forget(flight, entry)
      if (stamp.value.id !== id || capture.isPending) return this.#look(flight, undefined)
      return this.#acquire(flight, capture, id, 0)
    }
    this.#forget(flight, entry)
    return this.#settle(flight, { slot: stamp.value as Exclude<Slot, EntrySlot>, capture, asked }, 0)
  }

  #trustAgain<V>(
    { reading, fence }: Flight<V>,
    entry: MemoryEntry<V>,
    id: string,
    expiresAtMs: number,
    capture: Capture,
    { moves, epoch }: Question
  ): Outcome<V> | Promise<Outcome<V>> {
    const nowMs = this.#settings.clock()
    entry.expiresAtMs = Math.min(entry.expiresAtMs, expiresAtMs)
    // Somebody may have shortened its life: a hit looks at nothing else.
    entry.hitUntilMs = Math.min(entry.hitUntilMs, entry.expiresAtMs)
    if (fence.moves === moves && this.#coherence.epoch === epoch && this.#coherence.isTrusted) {
      entry.isSuspect = false
      entry.epoch = epoch
      entry.capture = capture
    }
    if (nowMs < entry.hitUntilMs) return { value: entry.value, status: 'hit', tier: 'memory' }
    return this.#whileRefreshing(reading, id, entry, 'memory')
  }

  /** Out of date. Under the policy `stale` it stays, as the last value known. */
  #forget<V>({ reading: { family, key } }: Flight<V>, entry: MemoryEntry): void {
    entry.suspect()
    if (family.policy !== 'stale') this.#memory.drop(key, entry)
  }

  /** @param unbacked - What memory has, loaded without the store. */
  #look<V>(flight: Flight<V>, unbacked: MemoryEntry<V> | undefined): Promise<Outcome<V>> {
    const { family, key } = flight.reading
    const { fences } = flight.capture
    const asked = this.#question(flight)
    const known = flight.trustsNothing ? undefined : this.#generations.known(fences, flight.capture)
    const lifetime = family.placement !== 'shared' || family.staleMs > 0 || family.refreshAfter < 1
    const read = this.#store.read(key, lifetime ? WITH_LIFETIME : undefined)
    if (known !== undefined) return read.then(slot => this.#hear(flight, slot, ok(known), asked, unbacked))
    return Promise.all([read, this.#generations.capture(fences, true)]).then(([slot, captured]) =>
      this.#hear(flight, slot, captured, asked, unbacked)
    )
  }

  #hear<V>(
    flight: Flight<V>,
    slot: Result<Slot>,
    captured: Result<Capture>,
    asked: Question,
    unbacked: MemoryEntry<V> | undefined
  ): Outcome<V> | Promise<Outcome<V>> {
    if (!slot.ok) return this.#withoutStore(flight, slot.error)
    if (!captured.ok) return this.#withoutStore(flight, captured.error)
    // It answers again, and has something newer than what was loaded without it.
    if (unbacked?.isRefused === false && slot.value.kind !== 'absent') this.#forget(flight, unbacked)
    return this.#settle(flight, { slot: slot.value, capture: captured.value, asked }, 0)
  }

  #settle<V>(flight: Flight<V>, answer: Answer, attempt: number): Outcome<V> | Promise<Outcome<V>> {
    if (this.#mustNotAsk(flight)) return this.#resolve(flight)
    const { slot, capture } = answer
    switch (slot.kind) {
      case 'entry':
        return this.#fromEntry(flight, answer, slot, attempt)
      case 'lease':
      case 'closed': {
        const own = this.#loading.get(slot.id) as Flight<V> | undefined
        const adopted = own === undefined ? undefined : this.#joining.adopt(own, flight, answer)
        if (adopted !== undefined) {
          // It may be a load that waits for this read to decide.
          flight.reading.isWaiting?.()
          return adopted
        }
        if (slot.kind === 'lease') return this.#wait(flight, answer.asked, slot.id, slot.remainingMs)
        return this.#load(flight, capture, { closedId: slot.id })
      }
      default:
        if (capture.isPending) return this.#load(flight, capture, NOT_STORED)
        return this.#acquire(flight, capture, undefined, attempt)
    }
  }

  #fromEntry<V>(flight: Flight<V>, answer: Answer, slot: EntrySlot, attempt: number): Outcome<V> | Promise<Outcome<V>> {
    const { capture } = answer
    const entry = readEntry(slot.bytes)
    if (entry === undefined || capture.isFresh || sameIds(entry.generations, capture.ids)) {
      return this.#decode(flight, answer, slot, entry, attempt)
    }
    // What was known of the generations may be what is out of date: the entry may be newer than they are.
    return this.#generations.capture(capture.fences, true).then(fresh => {
      if (!fresh.ok) return this.#withoutStore(flight, fresh.error)
      return this.#decode(flight, { ...answer, capture: fresh.value }, slot, entry, attempt)
    })
  }

  #decode<V>(
    flight: Flight<V>,
    answer: Answer,
    slot: EntrySlot,
    entry: ParsedEntry | undefined,
    attempt: number
  ): Outcome<V> | Promise<Outcome<V>> {
    const { family, key } = flight.reading
    const { capture, asked } = answer
    if (capture.isPending) return this.#load(flight, capture, NOT_STORED)
    if (entry !== undefined && !sameIds(entry.generations, capture.ids)) {
      return this.#acquire(flight, capture, slot.id, attempt)
    }
    const payload = entry?.payload
    if (entry !== undefined && payload === undefined) {
      const expiresAtMs = asked.atMs + slot.remainingMs
      return this.#load(flight, capture, { kept: { id: slot.id, header: entry, asked, expiresAtMs } })
    }
    const value = payload && decodeShared(payload, family.codec, key)
    if (entry !== undefined && value?.ok) return this.#serve(flight, answer, slot, entry, value.value, attempt)
    family.counters.unreadable++
    return this.#acquire(flight, capture, slot.id, attempt)
  }

  #serve<V>(
    { reading, fence }: Flight<V>,
    { capture, asked: { moves, epoch, atMs } }: Answer,
    slot: EntrySlot,
    header: ParsedEntry,
    value: MemoryEntry<V>['value'],
    attempt: number
  ): Outcome<V> | Promise<Outcome<V>> {
    const { family, key } = reading
    // An entry that appeared while this read wanted the lease was loaded by somebody else for it.
    const served: Outcome<V> =
      attempt > 0 ? { value, status: 'collapsed', tier: undefined } : { value, status: 'hit', tier: 'shared' }
    if (Number.isNaN(slot.remainingMs)) return served
    const times = timesOf(header, family.refreshAfter, atMs + slot.remainingMs)
    const isSuspect = fence.moves !== moves
    const entry = new MemoryEntry(value, slot.id, capture, times, isSuspect)
    if (family.placement !== 'shared' && this.#coherence.epoch === epoch && this.#coherence.isTrusted) {
      this.#memory.put(key, entry as MemoryEntry, family.policy === 'stale')
    }
    if (this.#settings.clock() < times.hitUntilMs) return served
    return this.#whileRefreshing(reading, slot.id, entry, 'shared')
  }

  async #acquire<V>(
    flight: Flight<V>,
    capture: Capture,
    unlessId: string | undefined,
    attempt: number
  ): Promise<Outcome<V>> {
    if (attempt >= MAX_ATTEMPTS) return this.#load(flight, capture, NOT_STORED)
    const token = randomId()
    const asked = this.#question(flight)
    const taken = await this.#store.acquire(flight.reading.key, token, this.#settings.leaseMs, unlessId)
    if (!taken.ok) return this.#withoutLease(flight, token, taken.error)
    if (taken.value.kind === 'lease' && taken.value.id === token) return this.#load(flight, capture, { token })
    return this.#settle(flight, { slot: taken.value, capture, asked }, attempt + 1)
  }

  /** A lease that was taken all the same would keep everybody out for its length. */
  #withoutLease<V>(flight: Flight<V>, token: string, error: CacheError): Promise<Outcome<V>> {
    void this.#store.release(flight.reading.key, token)
    return this.#withoutStore(flight, error)
  }

  /**
   * Another process loads. It is waited for as long as the one token lives that was met, renewals included; whoever
   * waited for one lease after the other would wait for ever under a stream of invalidations.
   */
  async #wait<V>(flight: Flight<V>, met: Question, metToken: string, remainingMs: number): Promise<Outcome<V>> {
    const { reading, fence } = flight
    const { key } = reading
    reading.isWaiting?.()
    let asked = met
    let leftMs = remainingMs
    for (;;) {
      const pollMs = this.#coherence.isTrusted ? this.#settings.heartbeatMs / POLLS_PER_HEARTBEAT : UNTOLD_POLL_MS
      flight.askedAtMs = Infinity
      if (asked.epoch === this.#coherence.epoch) {
        await fence.moved(asked.moves, Math.min(leftMs + LEASE_END_MARGIN_MS, pollMs))
      }
      if (flight.isAbandoned) throw flight.signal.reason
      asked = this.#question(flight)
      flight.askedAtMs = asked.atMs
      const token = randomId()
      const [taken, captured] = await Promise.all([
        this.#store.acquire(key, token, this.#settings.leaseMs),
        this.#generations.capture(flight.capture.fences, flight.trustsNothing)
      ])
      if (!taken.ok) return this.#withoutLease(flight, token, taken.error)
      const slot = taken.value
      if (slot.kind === 'lease' && slot.id === metToken) {
        leftMs = slot.remainingMs
        continue
      }
      if (!captured.ok) return this.#withoutLease(flight, token, captured.error)
      const capture = captured.value
      if (slot.kind !== 'lease') return this.#settle(flight, { slot, capture, asked }, 1)
      if (slot.id === token && !capture.isPending) return this.#load(flight, capture, { token })
      if (slot.id === token) void this.#store.release(key, token)
      return this.#load(flight, capture, NOT_STORED)
    }
  }

  /** Loads, and stores what `ticket` allows. */
  async #load<V>(flight: Flight<V>, capture: Capture, ticket: Ticket): Promise<Outcome<V>> {
    const id = ticket.token ?? ticket.closedId
    flight.capture = capture
    if (id !== undefined) this.#loading.set(id, flight as Flight)
    try {
      const loaded = await this.#loader.load(flight, capture, ticket)
      flight.stored = loaded.stored
      return { value: loaded.value, status: 'miss', tier: undefined }
    } catch (error) {
      const last = flight.reading.isStrong ? undefined : this.#lastKnown(flight.reading)
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
  #withoutStore<V>(flight: Flight<V>, error: CacheError | undefined): Promise<Outcome<V>> {
    const { family, isStrong } = flight.reading
    if (error?.code === 'CACHE_INVALID_ARGUMENT')
      return Promise.reject(new TypeError(`${family.name}: ${error.message}`))
    family.counters.degraded++
    if (family.policy === 'closed') return Promise.reject(new CacheUnavailableError(family.name, error))
    const found = isStrong ? undefined : this.#unbacked.ofOther<V>(flight)
    if (found !== undefined) {
      // It may end as a load does that waits for this read to decide.
      flight.reading.isWaiting?.()
      return Promise.resolve(found)
    }
    flight.fence.unbacked = flight as Flight
    flight.askedAtMs = this.#settings.clock()
    // It answers, and there is no use in asking it again.
    const isRefused = error === undefined ? this.#store.isReachable : error.reason === 'server'
    return this.#load(flight, this.#generations.blind(flight.capture.fences), { isUnbacked: true, isRefused })
  }

  /** What is still a hit, or stale, while it is loaded anew. */
  #whileRefreshing<P, V>(
    reading: Reading<P, V>,
    id: string,
    { value, freshUntilMs }: MemoryEntry<V>,
    tier: 'memory' | 'shared'
  ): Outcome<V> | Promise<Outcome<V>> {
    const { softTimeoutMs } = reading.family
    const isFresh = this.#settings.clock() < freshUntilMs
    const old: Outcome<V> = { value, status: isFresh ? 'hit' : 'stale', tier }
    const { refreshed, isJoined } = this.#refresher.refresh(reading, id)
    if (isFresh || softTimeoutMs === 0) return old
    return this.#refresher.within(refreshed, softTimeoutMs).then(successor => {
      if (successor === undefined) return old
      return { value: successor, status: isJoined ? 'collapsed' : 'miss', tier: undefined }
    })
  }
}
