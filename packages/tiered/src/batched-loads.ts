import type { LoadContext } from '@dashtam/cache-protocol'

/** One of the reads that are made together. */
export interface BatchMember<V> {
  /** The value of this member, loaded together with those of the others. */
  readonly call: (context: LoadContext) => Promise<V>
  /** The member needs no load, or will load by itself, later. Harmless when said twice. */
  readonly leave: () => void
}

interface Wanted<P, V> {
  readonly params: P
  readonly signal: AbortSignal
  readonly resolve: (value: V) => void
  readonly reject: (error: unknown) => void
}

/** Collects the loads of reads that were made together, and makes one call of them as soon as each has decided. */
export class BatchedLoads<P, V> {
  readonly #loadMany: (params: readonly P[], context: LoadContext) => readonly V[] | Promise<readonly V[]>
  readonly #wanted: Wanted<P, V>[] = []
  #undecided: number

  constructor(
    loadMany: (params: readonly P[], context: LoadContext) => readonly V[] | Promise<readonly V[]>,
    members: number
  ) {
    this.#loadMany = loadMany
    this.#undecided = members
  }

  member(params: P): BatchMember<V> {
    let hasDecided = false
    const decide = () => {
      if (hasDecided) return
      hasDecided = true
      this.#undecided--
      if (this.#undecided === 0) void this.#run(this.#wanted)
    }
    return {
      leave: decide,
      call: ({ signal }) => {
        const isLate = hasDecided
        return new Promise<V>((resolve, reject) => {
          const wanted = { params, signal, resolve, reject }
          // It has waited for another process first, and the others have long been loaded.
          if (isLate) return void this.#run([wanted])
          this.#wanted.push(wanted)
          decide()
        })
      }
    }
  }

  async #run(wanted: readonly Wanted<P, V>[]): Promise<void> {
    if (wanted.length === 0) return
    try {
      const signal = abortedWithAll(wanted.map(each => each.signal))
      const values = await this.#loadMany(
        wanted.map(({ params }) => params),
        { signal }
      )
      if (values.length !== wanted.length) {
        throw new TypeError(
          `loadMany must answer a value for each of ${wanted.length} parameters, got ${values.length}`
        )
      }
      wanted.forEach(({ resolve }, index) => {
        resolve(values[index] as V)
      })
    } catch (error) {
      for (const { reject } of wanted) reject(error)
    }
  }
}

/** A signal that is aborted when all of `signals` are: as long as somebody waits for one of the values, all are loaded. */
function abortedWithAll(signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController()
  let left = signals.length
  for (const signal of signals) {
    const onAbort = () => {
      left--
      if (left === 0) controller.abort(signal.reason)
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  }
  return controller.signal
}
