import type { Generation } from '@dashtam/cache-protocol'
import { changed, type Step, unchanged } from './step.ts'
import { hasWriter, liveWriters, type Writer, withoutWriter, withWriter } from './writers.ts'

/** The state of a generation; `undefined` when there is none. */
export type GenerationState =
  | {
      readonly id: string
      /** It is pending while one of them is alive. With the last of them its id goes too. */
      readonly writers: readonly Writer[]
      /** For what it was changed by `bumpOnce`, the oldest first. */
      readonly occasions: readonly string[]
    }
  | undefined

export type GenerationStep<Answer> = Step<GenerationState, Answer>

/** So many occasions are remembered: changes of the server while some process has not heard of the first of them yet. */
const MAX_OCCASIONS = 64

export function readGeneration(state: GenerationState, nowMs: number, freshId: string): GenerationStep<Generation> {
  if (state === undefined) return settled(moved(state, [], freshId))
  const writers = liveWriters(state.writers, nowMs)
  if (writers.length > 0) return unchanged(state, { id: state.id, isPending: true })
  // The last writer has died. Who has met the generation since it was pending must find that it has changed.
  if (state.writers.length > 0) return settled(moved(state, [], freshId))
  return unchanged(state, { id: state.id, isPending: false })
}

export function bump(state: GenerationState, nowMs: number, freshId: string): GenerationStep<undefined> {
  return changed(moved(state, aliveIn(state, nowMs), freshId), undefined)
}

export function beginGenerationWrite(
  state: GenerationState,
  nowMs: number,
  token: string,
  durationMs: number,
  freshId: string
): GenerationStep<undefined> {
  const writers = withWriter(aliveIn(state, nowMs), token, nowMs + durationMs)
  return changed(moved(state, writers, freshId), undefined)
}

export function renewGenerationWrite(
  state: GenerationState,
  nowMs: number,
  token: string,
  durationMs: number
): GenerationStep<boolean> {
  const writers = aliveIn(state, nowMs)
  if (state === undefined || !hasWriter(writers, token)) return unchanged(state, false)
  return changed({ ...state, writers: withWriter(writers, token, nowMs + durationMs) }, true)
}

/** Also when the generation has forgotten this write: what was loaded since then may be older than it. */
export function endGenerationWrite(
  state: GenerationState,
  nowMs: number,
  token: string,
  freshId: string
): GenerationStep<undefined> {
  return changed(moved(state, withoutWriter(aliveIn(state, nowMs), token), freshId), undefined)
}

/** Answers whether this call has changed the generation. */
export function bumpOnce(
  state: GenerationState,
  nowMs: number,
  occasion: string,
  continues: string | undefined,
  freshId: string
): GenerationStep<boolean> {
  const onRecord = state?.occasions ?? []
  if (onRecord.includes(occasion)) return unchanged(state, false)
  const occasions = [...onRecord, occasion].slice(-MAX_OCCASIONS)
  if (state !== undefined && continues !== undefined && onRecord.includes(continues)) {
    return changed({ ...state, occasions }, false)
  }
  return changed({ ...moved(state, aliveIn(state, nowMs), freshId), occasions }, true)
}

function aliveIn(state: GenerationState, nowMs: number): readonly Writer[] {
  return state === undefined ? [] : liveWriters(state.writers, nowMs)
}

function moved(state: GenerationState, writers: readonly Writer[], freshId: string): NonNullable<GenerationState> {
  return { id: freshId, writers, occasions: state?.occasions ?? [] }
}

function settled(state: NonNullable<GenerationState>): GenerationStep<Generation> {
  return changed(state, { id: state.id, isPending: false })
}
