import type { CacheError, FencedStore, Mutated, MutateOptions, Result } from '@dashtam/cache-protocol'
import { err, ok } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import type { Coherence } from './coherence.ts'
import { CacheUnavailableError } from './errors.ts'
import type { FamilyDefinition } from './family-definition.ts'
import { type Generations, generationOfTag } from './generations.ts'
import type { Encoded, Loading, Prepared } from './loading.ts'
import type { MemoryTier } from './memory-tier.ts'
import type { Owed } from './owed.ts'
import type { Renewals } from './renewals.ts'
import type { EngineSettings } from './settings.ts'

export interface WriterDeps {
  readonly store: FencedStore
  readonly coherence: Coherence
  readonly generations: Generations
  readonly memory: MemoryTier
  readonly owed: Owed
  readonly loading: Loading
  readonly renewals: Renewals
  readonly settings: EngineSettings
}

/** What one `mutate` closes: a slot and the generations of the tags that it changes. */
interface Closing {
  readonly key: string
  readonly names: readonly string[]
  readonly token: string
}

const DONE: Result<void> = Object.freeze(ok(undefined))

/** Closes slots, opens them again, and empties them. */
export class Writer {
  readonly #deps: WriterDeps

  constructor(deps: WriterDeps) {
    this.#deps = deps
  }

  /** Empties slots and changes generations, or owes it. */
  async invalidate(keys: readonly string[], names: readonly string[], holdMs = 0): Promise<Result<void>> {
    const { store, owed } = this.#deps
    this.#move(keys, names)
    const answers = await Promise.all([
      keys.length === 0 ? DONE : store.invalidate(keys, holdMs > 0 ? { holdMs } : undefined),
      names.length === 0 ? DONE : store.bumpGenerations(names)
    ])
    const refused = answers.find(answer => !answer.ok && answer.error.code === 'CACHE_INVALID_ARGUMENT')
    if (refused !== undefined) return refused
    const failed = answers.find(answer => !answer.ok)
    if (failed === undefined || failed.ok) owed.acknowledged(keys, names)
    else owed.add(answers[0].ok ? [] : keys, answers[1].ok ? [] : names, holdMs)
    // Again, for what was read between the call and its execution.
    this.#move(keys, names)
    return failed === undefined || failed.ok ? DONE : this.#unacknowledged(failed.error)
  }

  /**
   * Stores a value as a write of it alone. The slot is closed first, so that of two writers, or of a writer and an
   * invalidation that meet, neither leaves a value that the other has overtaken.
   */
  async set<P, V>(family: FamilyDefinition<P, V>, key: string, params: P, value: V): Promise<Result<void>> {
    if (value === undefined) return err(refusal(UNDEFINED, family.name))
    const encoded = this.#deps.loading.encode(family, key, value)
    if (!encoded.ok) return err(refusal(encoded.error, family.name))
    const written = await this.#write(family, key, params, () => undefined, { value: encoded.value })
    if (written.ok) return written.value.invalidation
    return written.error.code === 'CACHE_INVALID_ARGUMENT' ? written : this.#unacknowledged(written.error)
  }

  async mutate<P, V, T>(
    family: FamilyDefinition<P, V>,
    key: string,
    params: P,
    write: () => T | Promise<T>,
    { value, tags }: MutateOptions<V>
  ): Promise<Mutated<T>> {
    const encoded = value === undefined ? undefined : this.#deps.loading.encode(family, key, value)
    const written = await this.#write(family, key, params, write, {
      ...(encoded?.ok && { value: encoded.value }),
      ...(tags && { tags })
    })
    if (written.ok) return written.value
    const { error } = written
    if (error.code === 'CACHE_INVALID_ARGUMENT') throw new TypeError(`${family.name}: ${error.message}`)
    throw new CacheUnavailableError(family.name, error)
  }

  /** Fails, and nothing is written, when the slot cannot be closed and the family does not go on without. */
  async #write<P, V, T>(
    family: FamilyDefinition<P, V>,
    key: string,
    params: P,
    write: () => T | Promise<T>,
    { value, tags = [] }: MutateOptions<Encoded<V>>
  ): Promise<Result<Mutated<T>>> {
    const { store, renewals, settings } = this.#deps
    const closing = { key, names: tags.map(generationOfTag), token: randomId() }
    const prepared = value === undefined ? undefined : await this.#prepare(family, closing, params, value)
    const begun = await this.#begin(closing)
    if (!begun.ok && begun.error.code === 'CACHE_INVALID_ARGUMENT') {
      // It may be a tag that was refused, and then the slot is closed.
      void store.endWrite(key, closing.token)
      return begun
    }
    if (!begun.ok && family.policy === 'closed') {
      await this.#end(family, closing, undefined)
      return begun
    }
    const stopRenewing = renewals.start(() => {
      void store.renewWrite(key, closing.token, settings.leaseMs)
      if (closing.names.length > 0) void store.renewGenerationWrite(closing.names, closing.token, settings.leaseMs)
    })
    let written: T
    try {
      written = await write()
    } catch (error) {
      stopRenewing()
      await this.#end(family, closing, undefined)
      throw error
    }
    stopRenewing()
    // A slot that could not be closed may have been filled meanwhile: it is emptied, not filled.
    const invalidation = await this.#end(family, closing, begun.ok ? prepared : undefined)
    return ok({ value: written, invalidation })
  }

  /** The value for `endWrite`, with its generations as they were before the slot was closed. */
  async #prepare<P, V>(
    family: FamilyDefinition<P, V>,
    { key, names }: Closing,
    params: P,
    value: Encoded<V>
  ): Promise<Prepared<V> | undefined> {
    const { generations, loading, owed } = this.#deps
    const fences = generations.fencesOf(family.tagsOf(params))
    // What depends on a tag that the same write changes would be invalid at once.
    if (fences.some(({ name }) => names.includes(name))) return undefined
    // What is owed may be a change of what it would carry along.
    if (owed.covers(key, fences) && !(await owed.deliver())) return undefined
    const captured = await generations.capture(fences)
    if (!captured.ok || captured.value.isPending) return undefined
    return loading.prepare(family, params, value, captured.value, Date.now())
  }

  async #begin({ key, names, token }: Closing): Promise<Result<void, CacheError>> {
    const { store, settings } = this.#deps
    this.#move([key], names)
    const answers = await Promise.all([
      store.beginWrite(key, token, settings.leaseMs),
      names.length === 0 ? DONE : store.beginGenerationWrite(names, token, settings.leaseMs)
    ])
    this.#move([key], names)
    return answers.find(answer => !answer.ok) ?? DONE
  }

  async #end<P, V>(
    family: FamilyDefinition<P, V>,
    { key, names, token }: Closing,
    prepared: Prepared<V> | undefined
  ): Promise<Result<void>> {
    const { store, owed, coherence, loading, settings } = this.#deps
    const { counters, holdMs } = family
    const hold = holdMs > 0 ? { holdMs } : undefined
    this.#move([key], names)
    const fence = coherence.enter(key)
    const sent = { moves: fence.moves, epoch: coherence.epoch, atMs: settings.clock() }
    const [ended, generations] = await Promise.all([
      store.endWrite(key, token, prepared === undefined ? hold : { entry: prepared.entry }),
      names.length === 0 ? DONE : store.endGenerationWrite(names, token)
    ])
    if (prepared !== undefined && ended.ok && ended.value) loading.remember({ family, key }, fence, prepared, sent)
    coherence.leave(key, fence)
    // Others have written meanwhile, so that nothing was stored: then it is held like any other.
    const isHeldLate = hold !== undefined && prepared !== undefined && ended.ok && !ended.value
    const slot = isHeldLate ? await store.invalidate([key], hold) : ended
    if (slot.ok && generations.ok) owed.acknowledged([key], names)
    // Delivered as an invalidation: without the value, which by then may be an old one.
    else owed.add(slot.ok ? [] : [key], generations.ok ? [] : names, holdMs)
    this.#move([key], names)
    const failed = slot.ok ? generations : slot
    if (failed.ok) {
      counters.invalidations++
      return DONE
    }
    counters.pending++
    return this.#unacknowledged(failed.error)
  }

  /** `pending` is said only of what will be delivered. */
  #unacknowledged(cause: CacheError): Result<void> {
    const { details } = cause
    if (!this.#deps.owed.isClosed) {
      const message = 'the invalidation is not acknowledged yet; it is kept and will be delivered'
      return err({ code: 'CACHE_INVALIDATE_ERROR', reason: 'pending', message, details, cause })
    }
    const message = 'the invalidation is not acknowledged, and the cache is closed: nobody will deliver it'
    return err({ code: 'CACHE_INVALIDATE_ERROR', reason: 'closed', message, details, cause })
  }

  /** For this process an invalidation counts from when it is called, and again when the server has executed it. */
  #move(keys: readonly string[], names: readonly string[]): void {
    const { coherence } = this.#deps
    for (const key of keys) coherence.slotChanged(key)
    for (const name of names) coherence.generationChanged(name)
  }
}

const UNDEFINED = { code: 'CACHE_SERIALIZATION_ERROR', message: 'undefined is no value; for "there is none" set null' }

function refusal({ code, message }: { readonly code: string; readonly message: string }, family: string): CacheError {
  const known = code === 'CACHE_VALUE_TOO_LARGE' ? code : 'CACHE_SERIALIZATION_ERROR'
  return { code: known, message, details: { operation: 'set', family } }
}
