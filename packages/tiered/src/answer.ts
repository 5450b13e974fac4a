import type { Slot } from '@dashtam/cache-protocol'
import type { Capture } from './capture.ts'

/** What was known when the store was asked: an answer that something has overtaken may be out of date. */
export interface Question {
  /** The `moves` of the slot's fence. */
  readonly moves: number
  readonly epoch: number
  readonly atMs: number
}

/** What the store has said of a slot, and the generations that go with it. */
export interface Answer {
  readonly slot: Slot
  readonly capture: Capture
  readonly asked: Question
}
