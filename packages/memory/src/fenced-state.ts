import type { FeedListener, Slot } from '@dashtam/cache-protocol'
import { BoundedStore, type BoundedStoreStats } from './bounded-store.ts'
import type { GenerationState, GenerationStep } from './generation.ts'
import { ABSENT, readSlot, type SlotState, type SlotStep, slotExpiresAtMs } from './slot.ts'
import type { Writer } from './writers.ts'

/** Whom a store in memory tells: nothing ever happens to it that changes everything at once. */
export type ChangeListener = Pick<FeedListener, 'slotChanged' | 'generationChanged'>

export interface FencedStateOptions {
  readonly maxEntries: number
  /** For slots; generations and claims may take an eighth of it each, beside them. */
  readonly maxBytes: number
  readonly clock: () => number
}

/** So that any generation and any claim fit, whatever their names are. */
const LEAST_SIDE_BYTES = 64 * 1024

/** What V8 and the bounded store need for a state beside its texts and bytes, as for the entries of `InMemoryCache`. */
const STATE_OVERHEAD_BYTES = 200
const WRITER_BYTES = 100

/** The states of slots, generations and claims, within bounds. Takes their steps, and tells of them. */
export class FencedState {
  readonly listeners = new Set<ChangeListener>()
  /** The token of who has claimed a key. */
  readonly claims: BoundedStore<string>
  readonly #slots: BoundedStore<SlotState>
  readonly #generations: BoundedStore<NonNullable<GenerationState>>
  readonly #clock: () => number

  constructor({ maxEntries, maxBytes, clock }: FencedStateOptions) {
    const sideBytes = Math.max(LEAST_SIDE_BYTES, Math.floor(maxBytes / 8))
    const side = { maxEntries, maxBytes: sideBytes, maxEntryBytes: sideBytes, clock }
    this.#slots = new BoundedStore({ maxEntries, maxBytes, maxEntryBytes: maxBytes, clock, weigh: weighSlot })
    this.#generations = new BoundedStore({ ...side, weigh: weighGeneration })
    this.claims = new BoundedStore({ ...side, weigh: (_token, key) => weighText(key) })
    this.#clock = clock
  }

  read(key: string): Slot {
    return readSlot(this.#slots.get(key) ?? ABSENT, this.#clock())
  }

  /** Takes a step of a slot; the listeners are told before it returns, of a state that is already there. */
  step<Answer>(key: string, operation: (slot: SlotState, nowMs: number) => SlotStep<Answer>): Answer {
    const nowMs = this.#clock()
    const { state, answer, isTold } = operation(this.#slots.get(key) ?? ABSENT, nowMs)
    if (!isTold) return answer
    if (state.kind === 'absent') this.#slots.delete(key)
    else this.#slots.set(key, state, slotExpiresAtMs(state) - nowMs)
    for (const listener of this.listeners) listener.slotChanged(key)
    return answer
  }

  /** Likewise a step of a generation. */
  stepGeneration<Answer>(
    name: string,
    operation: (generation: GenerationState, nowMs: number) => GenerationStep<Answer>
  ): Answer {
    const { state, answer, isTold } = operation(this.#generations.get(name), this.#clock())
    if (!isTold || state === undefined) return answer
    this.#generations.set(name, state, Infinity)
    for (const listener of this.listeners) listener.generationChanged(name)
    return answer
  }

  clear(): void {
    for (const store of [this.#slots, this.#generations, this.claims]) store.clear()
  }

  stats(): { readonly slots: BoundedStoreStats; readonly generations: BoundedStoreStats } {
    return { slots: this.#slots.stats(), generations: this.#generations.stats() }
  }
}

function weighSlot(slot: SlotState, key: string): number {
  if (slot.kind === 'entry') return weighText(key) + slot.bytes.byteLength
  return weighText(key) + (slot.kind === 'closed' ? weighWriters(slot.writers) : 0)
}

function weighGeneration({ writers, occasions }: NonNullable<GenerationState>, name: string): number {
  return weighText(name) + weighWriters(writers) + occasions.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
}

function weighWriters(writers: readonly Writer[]): number {
  return writers.length * WRITER_BYTES
}

function weighText(text: string): number {
  return Buffer.byteLength(text) + STATE_OVERHEAD_BYTES
}
