import type { CacheError, FencedStore, Result } from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import type { Capture } from './capture.ts'
import type { Coherence } from './coherence.ts'
import type { GenerationFence } from './generation-fence.ts'

/** The generation that every entry depends on: `clear` changes it. */
export const NAMESPACE = 'n'

const NOT_KNOWN: readonly string[] = Object.freeze([])

export function generationOfTag(tag: string): string {
  return `t:${tag}`
}

/** Reads generations, and knows those that have not changed since. */
export class Generations {
  readonly #coherence: Coherence
  readonly #store: FencedStore
  /** Of what has no tags, which is the most: always the same. */
  #untagged: readonly GenerationFence[] = []

  constructor(coherence: Coherence, store: FencedStore) {
    this.#coherence = coherence
    this.#store = store
  }

  fencesOf(tags: readonly string[]): readonly GenerationFence[] {
    const namespace = this.#coherence.generation(NAMESPACE)
    if (tags.length > 0) return [namespace, ...tags.map(tag => this.#coherence.generation(generationOfTag(tag)))]
    if (this.#untagged[0] !== namespace) this.#untagged = [namespace]
    return this.#untagged
  }

  /** Their state of now, without their ids: enough to notice a change. */
  blind(fences: readonly GenerationFence[]): Capture {
    const { epoch } = this.#coherence
    return { fences, ids: NOT_KNOWN, isPending: false, isFresh: false, epoch, moves: movesOf(fences) }
  }

  /** Their state of now without asking: with their ids if all of them are known, and otherwise blind. */
  glance(fences: readonly GenerationFence[]): Capture {
    if (!this.#coherence.isTrusted) return this.blind(fences)
    const { epoch } = this.#coherence
    const ids: string[] = []
    for (const fence of fences) {
      const id = fence.idIn(epoch)
      if (id === undefined) return this.blind(fences)
      ids.push(id)
    }
    return { fences, ids, isPending: false, isFresh: false, epoch, moves: movesOf(fences) }
  }

  /** What is known of them without asking; `undefined` when something is not. `glanced` is taken if it still is that. */
  known(fences: readonly GenerationFence[], glanced?: Capture): Capture | undefined {
    const seen = glanced !== undefined && this.#isKnownAs(glanced) ? glanced : this.glance(fences)
    return seen.ids === NOT_KNOWN ? undefined : seen
  }

  /** What is learned by asking moves no fence: so the ids are compared, and not only the moves. */
  #isKnownAs(glanced: Capture): boolean {
    const { epoch, isTrusted } = this.#coherence
    if (glanced.ids === NOT_KNOWN || glanced.epoch !== epoch || !isTrusted || !this.areUnmoved(glanced)) return false
    return glanced.fences.every((fence, index) => fence.idIn(epoch) === glanced.ids[index])
  }

  /** What they are: known, or asked for. `moves` are those of before the question. */
  async capture(fences: readonly GenerationFence[], isFresh = false): Promise<Result<Capture, CacheError>> {
    const known = isFresh ? undefined : this.known(fences)
    if (known !== undefined) return ok(known)
    const { epoch } = this.#coherence
    const before = fences.map(fence => fence.moves)
    const moves = movesOf(fences)
    const read = await this.#store.readGenerations(fences.map(({ name }) => name))
    if (!read.ok) return read
    const isPending = read.value.some(generation => generation.isPending)
    this.#learn(fences, read.value, before, epoch)
    return ok({ fences, ids: read.value.map(({ id }) => id), isPending, isFresh: true, epoch, moves })
  }

  /** Whether nothing has been told of them since they were captured. */
  areUnmoved({ fences, moves }: Capture): boolean {
    return movesOf(fences) === moves
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

/** Of all together: each only ever grows. */
function movesOf(fences: readonly GenerationFence[]): number {
  let moves = 0
  for (const fence of fences) moves += fence.moves
  return moves
}
