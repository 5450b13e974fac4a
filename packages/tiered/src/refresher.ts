import type { FencedStore } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import { callLoader } from './call-loader.ts'
import type { Coherence } from './coherence.ts'
import type { Generations } from './generations.ts'
import type { Loading } from './loading.ts'
import type { Reading } from './reading.ts'
import type { Renewals } from './renewals.ts'
import type { EngineSettings } from './settings.ts'
import type { SharedValue } from './shared-value.ts'

export interface RefresherDeps {
  readonly store: FencedStore
  readonly coherence: Coherence
  readonly generations: Generations
  readonly loading: Loading
  readonly renewals: Renewals
  readonly settings: EngineSettings
}

type Refreshed<V> = SharedValue<V> | undefined

/** Loads values anew while the old ones are still served: one process of the fleet for each, in the background. */
export class Refresher {
  readonly #deps: RefresherDeps
  readonly #underWay = new Map<string, { readonly id: string; readonly promise: Promise<unknown> }>()
  readonly #controllers = new Set<AbortController>()

  constructor(deps: RefresherDeps) {
    this.#deps = deps
  }

  /**
   * Refreshes the entry `id`, unless this or another process does so already. Never rejects.
   *
   * @returns the new value; `undefined` when another process refreshes, or it failed.
   */
  refresh<P, V>(reading: Reading<P, V>, id: string): { refreshed: Promise<Refreshed<V>>; isJoined: boolean } {
    const known = this.#underWay.get(reading.key)
    if (known?.id === id) return { refreshed: known.promise as Promise<Refreshed<V>>, isJoined: true }
    const promise = this.#refresh(reading, id).catch(() => undefined)
    const entry = { id, promise }
    this.#underWay.set(reading.key, entry)
    void promise.then(() => {
      if (this.#underWay.get(reading.key) === entry) this.#underWay.delete(reading.key)
    })
    return { refreshed: promise, isJoined: false }
  }

  /** The refreshed value, or `undefined` when it does not come within `timeoutMs`. */
  within<V>(refreshed: Promise<Refreshed<V>>, timeoutMs: number): Promise<Refreshed<V>> {
    return new Promise(resolve => {
      const timer = setTimeout(() => resolve(undefined), timeoutMs)
      void refreshed.then(value => {
        clearTimeout(timer)
        resolve(value)
      })
    })
  }

  /** Aborts what is under way, and waits for it. */
  async close(): Promise<void> {
    const promises = Array.from(this.#underWay.values(), ({ promise }) => promise)
    for (const controller of this.#controllers) controller.abort(new DOMException('the cache is closing', 'AbortError'))
    await Promise.all(promises)
  }

  async #refresh<P, V>(reading: Reading<P, V>, id: string): Promise<Refreshed<V>> {
    const { store, renewals, settings } = this.#deps
    const { key } = reading
    const token = randomId()
    const claimed = await store.claim(key, token, settings.leaseMs)
    if (!claimed.ok || !claimed.value) return undefined
    const stopRenewing = renewals.start(() => store.claim(key, token, settings.leaseMs))
    try {
      return await this.#loadAndReplace(reading, id)
    } finally {
      stopRenewing()
      void store.unclaim(key, token)
    }
  }

  async #loadAndReplace<P, V>(reading: Reading<P, V>, id: string): Promise<Refreshed<V>> {
    const { store, coherence, generations, loading, settings } = this.#deps
    const { family, key, params } = reading
    const fence = coherence.enter(key)
    const controller = new AbortController()
    this.#controllers.add(controller)
    try {
      // Captured when the refresh starts: a tag that changes during it must not go with the value from before.
      const captured = await generations.capture(generations.fencesOf(family.tagsOf(params)))
      if (!captured.ok || captured.value.isPending) return undefined
      const capture = captured.value
      const createdAtMs = Date.now()
      family.counters.refreshes++
      const value = await callLoader(family, context => family.load(params, context), controller)
      const encoded = loading.encode(family, key, value)
      if (!encoded.ok) return this.#drop(key, id)
      const prepared = loading.prepare(family, params, encoded.value, capture, createdAtMs)
      if (prepared === undefined) return this.#drop(key, id)
      const sent = { moves: fence.moves, epoch: coherence.epoch, atMs: settings.clock() }
      const replaced = await store.refresh(key, id, prepared.entry)
      if (!replaced.ok) return undefined
      if (!replaced.value) {
        family.counters.fenced++
        return undefined
      }
      loading.remember(reading, fence, prepared, sent)
      return prepared.value
    } finally {
      this.#controllers.delete(controller)
      coherence.leave(key, fence)
    }
  }

  /** Its successor is not to be stored: then it must not be served on for the rest of its stale time. */
  async #drop(key: string, id: string): Promise<undefined> {
    const { store, settings } = this.#deps
    const token = randomId()
    await store.acquire(key, token, settings.leaseMs, id)
    await store.release(key, token)
  }
}
