import type { Slot, SlotEntry } from '@dashtam/cache-protocol'
import { changed, type Step, unchanged } from './step.ts'
import { hasWriter, lastDeadlineMs, liveWriters, type Writer, withoutWriter, withWriter } from './writers.ts'

/** The state of a slot. The Redis store keeps the same in one key and makes the same steps in Lua. */
export type SlotState =
  | { readonly kind: 'absent' }
  | { readonly kind: 'entry'; readonly id: string; readonly bytes: Uint8Array; readonly expiresAtMs: number }
  | { readonly kind: 'lease'; readonly token: string; readonly expiresAtMs: number }
  | ClosedSlot

interface ClosedSlot {
  readonly kind: 'closed'
  readonly id: string
  /** Never empty. */
  readonly writers: readonly Writer[]
  /** The writer who may store: alone in the slot since it was closed, and nothing was invalidated meanwhile. */
  readonly storer: string | undefined
}

export type SlotStep<Answer> = Step<SlotState, Answer>

/** How a write or an invalidation leaves the slot. */
export interface Ending {
  readonly entry?: SlotEntry | undefined
  readonly holdMs?: number | undefined
}

export const ABSENT: SlotState = Object.freeze({ kind: 'absent' })

/**
 * A hold is a writer that nobody is, so that nobody ends it. The last of 22 characters that stand for 128 bits is one
 * of `AQgw`: no token is written like this.
 */
const HOLD = '-'.repeat(22)

/** The state at this instant: what its time has removed is gone. Every operation begins with it. */
export function slotAt(state: SlotState, nowMs: number): SlotState {
  if (state.kind === 'absent') return state
  if (state.kind !== 'closed') return nowMs < state.expiresAtMs ? state : ABSENT
  const writers = liveWriters(state.writers, nowMs)
  if (writers === state.writers) return state
  return writers.length === 0 ? ABSENT : { ...state, writers }
}

/** When a slot that is left alone becomes absent. */
export function slotExpiresAtMs(state: SlotState): number {
  if (state.kind === 'absent') return -Infinity
  return state.kind === 'closed' ? lastDeadlineMs(state.writers) : state.expiresAtMs
}

/** What readers see of a slot. */
export function readSlot(state: SlotState, nowMs: number): Slot {
  const slot = slotAt(state, nowMs)
  if (slot.kind === 'absent') return { kind: 'absent' }
  const remainingMs = slotExpiresAtMs(slot) - nowMs
  if (slot.kind === 'entry') return { kind: 'entry', id: slot.id, bytes: slot.bytes, remainingMs }
  if (slot.kind === 'lease') return { kind: 'lease', id: slot.token, remainingMs }
  return { kind: 'closed', id: slot.id, remainingMs }
}

export function acquire(
  state: SlotState,
  nowMs: number,
  token: string,
  durationMs: number,
  unlessId?: string
): SlotStep<Slot> {
  const slot = slotAt(state, nowMs)
  const isFree = slot.kind === 'absent' || (slot.kind === 'entry' && slot.id === unlessId)
  if (!isFree) return unchanged(slot, readSlot(slot, nowMs))
  const lease: SlotState = { kind: 'lease', token, expiresAtMs: nowMs + durationMs }
  return changed(lease, readSlot(lease, nowMs))
}

export function renew(state: SlotState, nowMs: number, token: string, durationMs: number): SlotStep<boolean> {
  const slot = slotAt(state, nowMs)
  if (!isLeaseOf(slot, token)) return unchanged(slot, false)
  return changed({ kind: 'lease', token, expiresAtMs: nowMs + durationMs }, true)
}

export function release(state: SlotState, nowMs: number, token: string): SlotStep<boolean> {
  const slot = slotAt(state, nowMs)
  return isLeaseOf(slot, token) ? changed(ABSENT, true) : unchanged(slot, false)
}

export function fill(state: SlotState, nowMs: number, token: string, entry: SlotEntry): SlotStep<boolean> {
  const slot = slotAt(state, nowMs)
  return isLeaseOf(slot, token) ? changed(stored(entry, nowMs), true) : unchanged(slot, false)
}

export function refresh(state: SlotState, nowMs: number, id: string, entry: SlotEntry): SlotStep<boolean> {
  const slot = slotAt(state, nowMs)
  if (slot.kind !== 'entry' || slot.id !== id) return unchanged(slot, false)
  return changed(stored(entry, nowMs), true)
}

/** Told even when the slot is absent and stays so: elsewhere loads that began before may be under way. */
export function invalidate(
  state: SlotState,
  nowMs: number,
  freshId: string,
  { holdMs }: Pick<Ending, 'holdMs'> = {}
): SlotStep<undefined> {
  return changed(emptied(writersOf(slotAt(state, nowMs)), nowMs, freshId, holdMs), undefined)
}

export function beginWrite(
  state: SlotState,
  nowMs: number,
  token: string,
  durationMs: number,
  freshId: string
): SlotStep<undefined> {
  const others = writersOf(slotAt(state, nowMs))
  const storer = others.length === 0 ? token : undefined
  const writers = withWriter(others, token, nowMs + durationMs)
  return changed({ kind: 'closed', id: freshId, writers, storer }, undefined)
}

/** The id stays: who loads under this closed slot may go on sharing what it loads. */
export function renewWrite(state: SlotState, nowMs: number, token: string, durationMs: number): SlotStep<boolean> {
  const slot = slotAt(state, nowMs)
  if (slot.kind !== 'closed' || !hasWriter(slot.writers, token)) return unchanged(slot, false)
  return changed({ ...slot, writers: withWriter(slot.writers, token, nowMs + durationMs) }, true)
}

/** Whatever the slot does not let it store, an end empties as an invalidation does, minus its writer. */
export function endWrite(
  state: SlotState,
  nowMs: number,
  token: string,
  freshId: string,
  { entry, holdMs }: Ending = {}
): SlotStep<boolean> {
  const slot = slotAt(state, nowMs)
  if (entry !== undefined && slot.kind === 'closed' && slot.storer === token) return changed(stored(entry, nowMs), true)
  return changed(emptied(withoutWriter(writersOf(slot), token), nowMs, freshId, holdMs), false)
}

function isLeaseOf(slot: SlotState, token: string): boolean {
  return slot.kind === 'lease' && slot.token === token
}

function writersOf(slot: SlotState): readonly Writer[] {
  return slot.kind === 'closed' ? slot.writers : []
}

function stored({ id, bytes, ttlMs }: SlotEntry, nowMs: number): SlotState {
  return { kind: 'entry', id, bytes, expiresAtMs: nowMs + ttlMs }
}

/** Absent, or closed as long as somebody is in it: then under a new id, and nobody may store any more. */
function emptied(writers: readonly Writer[], nowMs: number, freshId: string, holdMs: number | undefined): SlotState {
  const held = holdMs === undefined ? writers : withHold(writers, nowMs + holdMs)
  return held.length === 0 ? ABSENT : { kind: 'closed', id: freshId, writers: held, storer: undefined }
}

/** Holds are one writer together, or many invalidations would make a long list; the latest of them counts. */
function withHold(writers: readonly Writer[], untilMs: number): readonly Writer[] {
  const present = writers.find(({ token }) => token === HOLD)
  return withWriter(writers, HOLD, Math.max(untilMs, present?.deadlineMs ?? untilMs))
}
