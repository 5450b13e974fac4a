import type { FencedStore, InvalidationFeed } from '@dashtam/cache-protocol'
import { Coherence } from './coherence.ts'
import { collapsed, type Outcome, untilAborted, waitFor } from './flight.ts'
import { Generations } from './generations.ts'
import { Loading } from './loading.ts'
import { MemoryTier } from './memory-tier.ts'
import { Owed } from './owed.ts'
import { Reader } from './reader.ts'
import type { Reading } from './reading.ts'
import { Refresher } from './refresher.ts'
import { Renewals } from './renewals.ts'
import type { EngineSettings } from './settings.ts'
import type { FamilyCounters } from './stats.ts'
import { Writer } from './writer.ts'

export interface EngineOptions {
  readonly store: FencedStore
  readonly feed: InvalidationFeed
  readonly settings: EngineSettings
  readonly memory: { readonly maxEntries: number; readonly maxBytes: number }
  /** Whether a promoted server makes everything suspect, instead of what was invalidated lately. */
  readonly distrustsPromotion: boolean
}

/** The parts of the engine, put together. */
export class Engine {
  readonly store: FencedStore
  readonly feed: InvalidationFeed
  readonly memory: MemoryTier
  readonly coherence: Coherence
  readonly generations: Generations
  readonly owed: Owed
  readonly reader: Reader
  readonly writer: Writer
  readonly settings: EngineSettings
  readonly #refresher: Refresher
  readonly #renewals: Renewals
  #closed: Promise<boolean> | undefined

  constructor({ store, feed, settings, memory, distrustsPromotion }: EngineOptions) {
    this.store = store
    this.feed = feed
    this.settings = settings
    this.memory = new MemoryTier({ ...memory, clock: settings.clock })
    this.coherence = new Coherence(feed, this.memory, settings.clock)
    this.generations = new Generations(this.coherence, store)
    this.owed = new Owed(store, this.coherence, settings.clock)
    this.#renewals = new Renewals(settings.leaseMs)
    const parts = {
      store,
      settings,
      memory: this.memory,
      coherence: this.coherence,
      generations: this.generations,
      owed: this.owed,
      renewals: this.#renewals
    }
    const loading = new Loading(parts)
    this.#refresher = new Refresher({ ...parts, loading })
    this.reader = new Reader({ ...parts, loading, refresher: this.#refresher })
    this.writer = new Writer({ ...parts, loading })
    store.onServerChange(({ kind, server, previous }) => {
      const continues = kind === 'promoted' && !distrustsPromotion ? previous : undefined
      this.owed.serverChanged(server, continues)
      // Before any answer of the new server is looked at: what was asked of the old one is answered by another.
      if (kind !== 'connected') this.coherence.everythingChanged()
    })
  }

  /** A fresh value in memory that nothing speaks against. */
  hit(key: string, counters: FamilyCounters): Promise<unknown> | undefined {
    const entry = this.memory.get(key)
    if (entry === undefined || entry.checkedAt !== this.coherence.moves || entry.shared === undefined) return undefined
    const nowMs = this.settings.clock()
    if (nowMs >= entry.hitUntilMs || nowMs >= this.feed.trustedUntilMs) return undefined
    counters.memoryHits++
    return Promise.resolve(entry.shared)
  }

  read<P, V>(reading: Reading<P, V>, signal: AbortSignal | undefined): Promise<Outcome<V>> {
    try {
      if (!reading.isStrong) return this.#read(reading, signal, true)
      return this.#passBarrier(reading).then(isTrusted => this.#read(reading, signal, isTrusted))
    } catch (error) {
      // The family's own functions may throw.
      return Promise.reject(error)
    }
  }

  #read<P, V>(reading: Reading<P, V>, signal: AbortSignal | undefined, isTrusted: boolean): Promise<Outcome<V>> {
    if (isTrusted) {
      const found = this.reader.fromMemory(reading)
      if (found !== undefined) return found instanceof Promise ? untilAborted(found, signal) : Promise.resolve(found)
    }
    // Without a barrier a strong read shares nothing that began before it.
    const { flight, isJoined } = this.reader.flight(reading, isTrusted)
    if (!isJoined) return waitFor(flight, signal)
    reading.isWaiting?.()
    return waitFor(flight, signal).then(collapsed)
  }

  /** Stops the background, delivers what it can, and leaves the store to its owner; `true` when nothing is owed. */
  close(): Promise<boolean> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<boolean> {
    await this.#refresher.close()
    await this.owed.close()
    this.#renewals.close()
    await this.feed.close()
    this.memory.clear()
    return this.owed.size === 0
  }

  #passBarrier<P, V>({ family, key, params }: Reading<P, V>): Promise<boolean> {
    const fences = this.generations.fencesOf(family.tagsOf(params))
    return this.feed.barrier(
      key,
      fences.map(({ name }) => name)
    )
  }
}
