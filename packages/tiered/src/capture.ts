import type { GenerationFence } from './generation-fence.ts'

/**
 * The generations that a value depends on, as they were at one moment: before its load, when it is loaded.
 */
export interface Capture {
  readonly fences: readonly GenerationFence[]
  readonly ids: readonly string[]
  /** Whether a write is under way that changes one of them: what is loaded meanwhile is not stored. */
  readonly isPending: boolean
  /** Whether all of them were asked for, or some were known from before. */
  readonly isFresh: boolean
  readonly epoch: number
  /** The `moves` of the fences when they were captured, added up. */
  readonly moves: number
}

export function sameIds(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}
