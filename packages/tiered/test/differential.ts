// Slots and generations exist twice: as pure functions in memory, and as scripts in Redis. Both are driven with the same
// random operations, ids and clock, and must answer alike, always. The long form takes 100,000 of them.
import type { FencedStore } from '@dashtam/cache-protocol'
import t from 'tap'
import { SEED, STEPS, storesAnswerAlike } from './fixtures/differential/answer-alike.ts'
import { type Difference, FOREVER_MS, Lane, openBackend, UNIT_MS } from './fixtures/differential/lane.ts'

storesAnswerAlike(40)

/** Each answers the wrong thing in one case; `stored` is the store as it should be. */
const DEVIATIONS: Readonly<Record<string, (stored: FencedStore) => Partial<FencedStore>>> = {
  'endWrite() stores although another writer met it': stored => ({
    endWrite: async (key, token, options) => {
      const isKnown = await stored.renewWrite(key, token, UNIT_MS)
      const ended = await stored.endWrite(key, token, options)
      if (options?.entry === undefined || !isKnown.ok || !isKnown.value || !ended.ok || ended.value) return ended
      // Others are still in it, unless this is the last one.
      const lease = await stored.acquire(key, token, FOREVER_MS)
      return lease.ok && lease.value.kind === 'lease' ? stored.fill(key, token, options.entry) : ended
    }
  }),
  'renewWrite() brings back a write that is over': stored => ({
    renewWrite: async (key, token, durationMs) => {
      const renewed = await stored.renewWrite(key, token, durationMs)
      return renewed.ok ? { ok: true, value: true } : renewed
    }
  }),
  'acquire() takes the place of any entry': stored => ({
    acquire: async (key, token, durationMs, unlessId) => {
      const acquired = await stored.acquire(key, token, durationMs, unlessId)
      if (!acquired.ok || unlessId === undefined || acquired.value.kind !== 'entry') return acquired
      return stored.acquire(key, token, durationMs, acquired.value.id)
    }
  }),
  'beginGenerationWrite() only bumps': stored => ({
    beginGenerationWrite: names => stored.bumpGenerations(names)
  }),
  'bumpOnce() does not look at what it continues': stored => ({
    bumpOnce: (name, occasion) => stored.bumpOnce(name, occasion)
  })
}

for (const [title, deviate] of Object.entries(DEVIATIONS)) {
  t.test(`a store is caught whose ${title}`, async t => {
    const backend = await openBackend(t)
    const found: Difference[] = []
    const isFound = () => found.length > 0
    for (let seed = SEED; seed < SEED + 1_000 && !isFound(); seed += 20) {
      const lanes = Array.from({ length: 20 }, (_, lane) => new Lane(`lane${lane}`, seed + lane, backend, deviate))
      for (const difference of await Promise.all(lanes.map(lane => lane.run(STEPS, isFound)))) {
        if (difference !== undefined) found.push(difference)
      }
    }
    t.ok(found.length > 0)
    t.comment(found[0])
  })
}
