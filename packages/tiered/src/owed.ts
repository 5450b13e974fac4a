import type { CacheError, FencedStore, Result } from '@dashtam/cache-protocol'
import type { Coherence } from './coherence.ts'
import type { GenerationFence } from './generation-fence.ts'
import { NAMESPACE } from './generations.ts'

/** More than so many invalidations are not kept one by one: everything is invalidated instead. */
const MAX_OWED = 10_000
/** As long as a server that was promoted may have missed invalidations that the one before had acknowledged. */
const RECENT_MS = 30_000
/** More than so many within that time are not remembered one by one: a promotion then invalidates everything. */
const MAX_RECENT = 100_000
const RETRY_MS = 100

interface Occasion {
  readonly server: string
  readonly continues: string | undefined
}

/** What was acknowledged within one period of `RECENT_MS`. */
class Recent {
  readonly untilMs: number
  readonly keys = new Set<string>()
  readonly generations = new Set<string>()

  constructor(untilMs: number) {
    this.untilMs = untilMs
  }

  get isFull(): boolean {
    return this.keys.size + this.generations.size > MAX_RECENT
  }
}

/**
 * The invalidations that the store has not acknowledged. They are kept and delivered before this process believes the
 * store again; what was acknowledged lately is kept too, for a server that takes over without having heard of it.
 */
export class Owed {
  readonly #store: FencedStore
  readonly #coherence: Coherence
  readonly #clock: () => number
  readonly #keys = new Map<string, { readonly sequence: number; readonly holdMs: number }>()
  readonly #generations = new Map<string, number>()
  #occasion: Occasion | undefined
  /** This period and the one before: together they go back for `RECENT_MS` at least. */
  #recent: readonly [before: Recent, now: Recent] = [new Recent(0), new Recent(0)]
  /** Counts what is owed, so that a delivery settles only what it has delivered. */
  #sequence = 0
  #delivering: Promise<boolean> | undefined
  #retry: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(store: FencedStore, coherence: Coherence, clock: () => number) {
    this.#store = store
    this.#coherence = coherence
    this.#clock = clock
  }

  get size(): number {
    return this.#keys.size + this.#generations.size + (this.#occasion === undefined ? 0 : 1)
  }

  /** Whether the store must not be believed about this slot yet. */
  covers(key: string, generations: readonly GenerationFence[]): boolean {
    if (this.size === 0) return false
    if (this.#occasion !== undefined || this.#keys.has(key)) return true
    return this.#generations.size > 0 && generations.some(({ name }) => this.#generations.has(name))
  }

  /** Whether what is owed now stays owed: nobody delivers it any more. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** To be told at once, before anything else is read: such an invalidation counts as one that has arrived. */
  add(keys: readonly string[], generations: readonly string[], holdMs = 0): void {
    this.#sequence++
    for (const key of keys) this.#keys.set(key, { sequence: this.#sequence, holdMs })
    for (const name of generations) this.#generations.set(name, this.#sequence)
    if (this.size > MAX_OWED) {
      this.#keys.clear()
      this.#generations.clear()
      this.#generations.set(NAMESPACE, this.#sequence)
    }
    this.#retryLater()
  }

  /** Remembers what has been acknowledged, for a while. */
  acknowledged(keys: readonly string[], generations: readonly string[]): void {
    const [, now] = this.#turn()
    if (now.isFull) return
    for (const key of keys) now.keys.add(key)
    for (const name of generations) now.generations.add(name)
  }

  /**
   * Another server answers: what it holds may be older than what has been acknowledged.
   *
   * @param continues - The server before, when this one has taken over from it and missed the last seconds at most.
   */
  serverChanged(server: string, continues: string | undefined): void {
    const recent = this.#turn()
    // When there was too much to remember, this is too much to be owed one by one: everything is invalidated.
    if (continues !== undefined) for (const { keys, generations } of recent) this.add([...keys], [...generations])
    this.#sequence++
    this.#occasion = { server, continues }
    this.#retryLater()
  }

  /** Tries to deliver everything now, together with whoever else wants that; `true` when nothing is owed any more. */
  deliver(): Promise<boolean> {
    if (this.size === 0) return Promise.resolve(true)
    this.#delivering ??= this.#deliver().finally(() => {
      this.#delivering = undefined
    })
    return this.#delivering
  }

  async close(): Promise<void> {
    await this.deliver()
    this.#isClosed = true
    clearTimeout(this.#retry)
  }

  async #deliver(): Promise<boolean> {
    const until = this.#sequence
    const keys = [...this.#keys.keys()]
    const byHold = Map.groupBy(keys, key => this.#keys.get(key)?.holdMs ?? 0)
    const generations = [...this.#generations.keys()]
    const occasion = this.#occasion
    const answers = await Promise.all([
      ...Array.from(byHold, ([holdMs, held]) => this.#store.invalidate(held, holdMs > 0 ? { holdMs } : undefined)),
      generations.length === 0 ? undefined : this.#store.bumpGenerations(generations)
    ])
    const hasFailed = answers.some(answer => answer !== undefined && !answer.ok)
    // Last, because nothing is believed until it is there.
    const isSettled = !hasFailed && (occasion === undefined || (await this.#settle(occasion)).ok)
    if (!isSettled) {
      this.#retryLater()
      return false
    }
    for (const key of keys) if ((this.#keys.get(key)?.sequence ?? 0) <= until) this.#keys.delete(key)
    for (const name of generations) if ((this.#generations.get(name) ?? 0) <= until) this.#generations.delete(name)
    if (this.#occasion === occasion) this.#occasion = undefined
    for (const key of keys) this.#coherence.slotChanged(key)
    for (const name of generations) this.#coherence.generationChanged(name)
    return this.size === 0
  }

  #settle({ server, continues }: Occasion): Promise<Result<boolean, CacheError>> {
    return this.#store.bumpOnce(NAMESPACE, server, continues === undefined ? {} : { continues })
  }

  #turn(): readonly [before: Recent, now: Recent] {
    const nowMs = this.#clock()
    const [, now] = this.#recent
    if (nowMs < now.untilMs) return this.#recent
    const isLongOver = nowMs >= now.untilMs + RECENT_MS
    this.#recent = [isLongOver ? new Recent(0) : now, new Recent(nowMs + RECENT_MS)]
    return this.#recent
  }

  #retryLater(): void {
    if (this.#isClosed || this.#retry !== undefined) return
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      void this.deliver()
    }, RETRY_MS).unref()
  }
}
