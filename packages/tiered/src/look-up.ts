import type { CacheEntry, CacheError, DeepReadonly, Lookup, Result } from '@dashtam/cache-protocol'
import { err, ok } from '@dashtam/cache-protocol'
import { sameIds } from './capture.ts'
import type { Engine } from './engine.ts'
import { readEntry } from './entry-format.ts'
import type { MemoryEntry } from './memory-tier.ts'
import type { Reading } from './reading.ts'
import { decodeShared, type SharedValue } from './shared-value.ts'

const NOT_BELIEVED: CacheError = Object.freeze({
  code: 'CACHE_GET_ERROR',
  reason: 'pending',
  message: 'the store is not believed before it has been told of an invalidation that this process owes',
  details: Object.freeze({ operation: 'readSlot' })
})

/** An entry as it was found, in whichever tier. */
interface Found<V> {
  readonly value: SharedValue<V> | undefined
  readonly tier: 'memory' | 'shared'
  readonly sizeBytes: number
  readonly createdAtMs: number
  /** How long it is still fresh and still kept, in milliseconds. */
  readonly freshMs: number
  readonly remainingMs: number
  readonly isCurrent: boolean
}

/** Looks for a value in both tiers, and loads nothing. */
export async function lookUp<P, V>(engine: Engine, reading: Reading<P, V>): Promise<Result<Lookup<V>>> {
  const found = await find(engine, reading)
  if (!found.ok) return found
  const { value } = found
  if (value?.value === undefined || !value.isCurrent || value.remainingMs <= 0) return ok({ kind: 'miss' })
  return ok({
    kind: value.freshMs > 0 ? 'hit' : 'stale',
    value: value.value.take() as DeepReadonly<V>,
    tier: value.tier,
    ageSeconds: Math.max(0, Date.now() - value.createdAtMs) / 1_000
  })
}

export async function inspectEntry<P, V>(
  engine: Engine,
  reading: Reading<P, V>
): Promise<Result<CacheEntry<V> | undefined>> {
  const found = await find(engine, reading)
  if (!found.ok) return found
  if (found.value === undefined) return ok(undefined)
  const { value, tier, sizeBytes, createdAtMs, freshMs, remainingMs, isCurrent } = found.value
  return ok({
    key: reading.key,
    value: reading.family.isSensitive ? undefined : (value?.take() as DeepReadonly<V> | undefined),
    tier,
    sizeBytes,
    createdAtMs,
    freshUntilMs: Date.now() + freshMs,
    ttlSeconds: remainingMs / 1_000,
    isCurrent
  })
}

async function find<P, V>(engine: Engine, reading: Reading<P, V>): Promise<Result<Found<V> | undefined>> {
  const { coherence, generations, memory, reader, settings, store, owed } = engine
  const { family, key, params } = reading
  const fences = generations.fencesOf(family.tagsOf(params))
  const isTrusted =
    !reading.isStrong ||
    (await engine.feed.barrier(
      key,
      fences.map(({ name }) => name)
    ))
  const remembered = memory.peek(key) as MemoryEntry<V> | undefined
  const nowMs = settings.clock()
  if (isTrusted && remembered !== undefined && nowMs < remembered.expiresAtMs && reader.isCurrent(remembered)) {
    const { value, createdAtMs, freshUntilMs, expiresAtMs } = remembered
    const times = { createdAtMs, freshMs: freshUntilMs - nowMs, remainingMs: expiresAtMs - nowMs }
    return ok({ value, tier: 'memory', sizeBytes: value.sizeBytes, ...times, isCurrent: true })
  }
  if (owed.covers(key, fences) && !(await owed.deliver())) return err(NOT_BELIEVED)
  const [slot, captured] = await Promise.all([
    store.read(key, { lifetime: true }),
    generations.capture(fences, !coherence.isTrusted || !isTrusted)
  ])
  if (!slot.ok) return slot
  if (!captured.ok) return captured
  if (slot.value.kind !== 'entry') return ok(undefined)
  const { id, bytes, remainingMs } = slot.value
  const entry = readEntry(bytes)
  if (entry === undefined) return ok(undefined)
  const decoded = entry.payload === undefined ? undefined : decodeShared(entry.payload, family.codec, key)
  if (decoded?.ok === false) return ok(undefined)
  return ok({
    value: decoded?.value ?? (remembered?.id === id ? remembered.value : undefined),
    tier: 'shared',
    sizeBytes: entry.payload?.length ?? 0,
    createdAtMs: entry.createdAtMs,
    freshMs: remainingMs - entry.staleMs,
    remainingMs,
    isCurrent: !captured.value.isPending && sameIds(entry.generations, captured.value.ids)
  })
}
