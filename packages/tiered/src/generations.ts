import type { CacheError, FencedStore, Result } from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import type { Capture } from './capture.ts'
import type { Coherence } from './coherence.ts'
import type { GenerationFence } from './generation-fence.ts'

/** The generation that every entry depends on: `clear` changes it. */
export const NAMESPACE = 'n'

export function generationOfTag(tag: string): string {
  return `t:${tag}`
}

/** Reads generations, and knows those that have not changed since. */
export class Generations {
  readonly #coherence: Coherence
  readonly #store: FencedStore

  constructor(coherence: Coherence, store: FencedStore) {
    this.#coherence = coherence
    this.#store = store
  }

  fencesOf(tags: readonly string[]): readonly GenerationFence[] {
    const namespace = this.#coherence.generation(NAMESPACE)
    if (tags.length === 0) return [namespace]
    return [namespace, ...tags.map(tag => this.#coherence.generation(generationOfTag(tag)))]
  }

  /** Their state of now, without their ids: enough to notice a change. */
  blind(fences: readonly GenerationFence[]): Capture {
    const moves = fences.map(fence => fence.moves)
    return { fences, ids: [], isPending: false, isFresh: false, epoch: this.#coherence.epoch, moves }
  }

  /** What is known of them without asking; `undefined` when something is not. */
  known(fences: readonly GenerationFence[]): Capture | undefined {
    if (!this.#coherence.isTrusted) return undefined
    const { epoch } = this.#coherence
    const ids: string[] = []
    for (const fence of fences) {
      const id = fence.idIn(epoch)
      if (id === undefined) return undefined
      ids.push(id)
    }
    return { fences, ids, isPending: false, isFresh: false, epoch, moves: fences.map(fence => fence.moves) }
  }

  /** What they are: known, or asked for. `moves` are those of before the question. */
  async capture(fences: readonly GenerationFence[], isFresh = false): Promise<Result<Capture, CacheError>> {
    const known = isFresh ? undefined : this.known(fences)
    if (known !== undefined) return ok(known)
    const { epoch } = this.#coherence
    const moves = fences.map(fence => fence.moves)
    const read = await this.#store.readGenerations(fences.map(({ name }) => name))
    if (!read.ok) return read
    const isPending = read.value.some(generation => generation.isPending)
    this.#learn(fences, read.value, moves, epoch)
    return ok({ fences, ids: read.value.map(({ id }) => id), isPending, isFresh: true, epoch, moves })
  }

  /** Whether nothing has been told of them since they were captured. */
  areUnmoved({ fences, moves }: Capture): boolean {
    return fences.every((fence, index) => fence.moves === moves[index])
  }

  /** An answer whose fence has moved meanwhile may be older than what has moved it; without a feed nothing is kept. */
  #learn(
    fences: readonly GenerationFence[],
    read: readonly { readonly id: string; readonly isPending: boolean }[],
    moves: readonly number[],
    epoch: number
  ): void {
    if (!this.#coherence.isTrusted) return
    fences.forEach((fence, index) => {
      const generation = read[index]
      if (generation === undefined || generation.isPending || fence.isForgotten) return
      if (fence.moves === moves[index]) fence.learn(generation.id, epoch)
    })
  }
}
