// Every interleaving of a few readers and writers over the pure functions of a slot and a generation. What is promised,
// and what is stale, is said in fixtures/interleavings/world.ts. Each fence is shown to be needed by a walk without it.
import t from 'tap'
import * as slots from '../src/slot.ts'
import { changed, unchanged } from '../src/step.ts'
import type { Rules } from './fixtures/interleavings/actors.ts'
import { summaryOf } from './fixtures/interleavings/explore.ts'
import { castOf, LAPSING, MORTAL, type Scenario, walk } from './fixtures/interleavings/scenarios.ts'
import { entryOf, type World } from './fixtures/interleavings/world.ts'

/** The slot holds the version of the source. */
const FULL: Partial<World> = { slot: { kind: 'entry', ...entryOf('e', 0), expiresAtMs: Infinity } }

const SCENARIOS: Readonly<Record<string, (rules: Rules) => Scenario>> = {
  'two fills, two invalidations': rules => {
    const { reader, invalidator } = castOf(rules)
    return { actors: [reader('R'), reader('S'), invalidator('V'), invalidator('W')] }
  },
  'two fills, two mutations that may die': rules => {
    const { reader, mutator } = castOf(rules)
    return { actors: [reader('R'), reader('S'), mutator('V', MORTAL), mutator('W', MORTAL)] }
  },
  'two fills, two mutations with values that may die': rules => {
    const { reader, valueMutator } = castOf(rules)
    return { actors: [reader('R'), reader('S'), valueMutator('V', MORTAL), valueMutator('W', MORTAL)] }
  },
  'two fills, two mutations with values whose deadlines may pass': rules => {
    const { reader, valueMutator } = castOf(rules)
    return { actors: [reader('R'), reader('S'), valueMutator('V', LAPSING), valueMutator('W', LAPSING)] }
  },
  'two fills, a mutation with a value that may die, an invalidation': rules => {
    const { reader, valueMutator, invalidator } = castOf(rules)
    return { actors: [reader('R'), reader('S'), valueMutator('V', MORTAL), invalidator('W')] }
  },
  'two fills whose leases may be over, an invalidation, a mutation': rules => {
    const { reader, mutator, invalidator } = castOf(rules)
    return { actors: [reader('R', LAPSING), reader('S', LAPSING), invalidator('V'), mutator('W')] }
  },
  'a fill, a reader whose loader fails, a reader and a mutation that may die': rules => {
    const { reader, failingReader, mutator } = castOf(rules)
    return { actors: [reader('R'), failingReader('S'), reader('T', MORTAL), mutator('W', MORTAL)] }
  },
  'two sets, a fill, an invalidation': rules => {
    const { reader, setter, invalidator } = castOf(rules)
    return { actors: [setter('A'), setter('B'), reader('R'), invalidator('W')] }
  },
  'two sets, a fill, a mutation with a value that may die': rules => {
    const { reader, setter, valueMutator } = castOf(rules)
    return { actors: [setter('A'), setter('B'), reader('R'), valueMutator('W', MORTAL)] }
  },
  'a refresh, a fill, an invalidation, a mutation that may die': rules => {
    const { reader, refresher, mutator, invalidator } = castOf(rules)
    return { actors: [refresher('F'), reader('R'), invalidator('V'), mutator('W', MORTAL)], start: FULL }
  },
  'two refreshes, a set, an invalidation': rules => {
    const { refresher, setter, invalidator } = castOf(rules)
    return { actors: [refresher('F'), refresher('G'), setter('A'), invalidator('W')], start: FULL }
  },
  'two tagged fills, two bumps': rules => {
    const { taggedReader, bumper } = castOf(rules)
    return { actors: [taggedReader('R'), taggedReader('S'), bumper('V'), bumper('W')], start: FULL }
  },
  'a tagged fill, two mutations of the tag that may die': rules => {
    const { taggedReader, tagMutator } = castOf(rules)
    return { actors: [taggedReader('R'), tagMutator('V', MORTAL), tagMutator('W', MORTAL)] }
  },
  'two tagged fills, a mutation of the tag that may die, a bump': rules => {
    const { taggedReader, tagMutator, bumper } = castOf(rules)
    return { actors: [taggedReader('R'), taggedReader('S'), tagMutator('V', MORTAL), bumper('W')] }
  },
  'a tagged fill, a tagged refresh, a mutation of the tag whose deadline may pass, a bump': rules => {
    const { taggedReader, taggedRefresher, tagMutator, bumper } = castOf(rules)
    return {
      actors: [taggedReader('R'), taggedRefresher('F'), tagMutator('V', LAPSING), bumper('W')],
      start: FULL
    }
  },
  'a tagged fill, a mutation with a tagged value and one of the tag that may die': rules => {
    const { taggedReader, taggedValueMutator, tagMutator } = castOf(rules)
    return { actors: [taggedReader('R'), taggedValueMutator('U', MORTAL), tagMutator('V', MORTAL)] }
  },
  'two fills, two mutations with values, evictions': rules => {
    const { reader, valueMutator, evictor } = castOf(rules)
    return { actors: [reader('R'), reader('S'), valueMutator('V'), valueMutator('W'), evictor('E')] }
  },
  'two fills, a mutation with a value, an invalidation, evictions': rules => {
    const { reader, valueMutator, invalidator, evictor } = castOf(rules)
    return { actors: [reader('R'), reader('S'), valueMutator('V'), invalidator('W'), evictor('E')] }
  },
  'two tagged fills, a mutation of the tag, evictions': rules => {
    const { taggedReader, tagMutator, tagEvictor } = castOf(rules)
    return { actors: [taggedReader('R'), taggedReader('S'), tagMutator('V'), tagEvictor('E')] }
  },
  'two fills from a replica, an invalidation that holds': rules => {
    const { replicaReader, holdingInvalidator } = castOf(rules)
    return { actors: [replicaReader('R'), replicaReader('S'), holdingInvalidator('W')] }
  },
  'two fills from a replica, a mutation that holds, a fill': rules => {
    const { replicaReader, reader, holdingMutator } = castOf(rules)
    return { actors: [replicaReader('R'), replicaReader('S'), reader('T'), holdingMutator('W')] }
  }
}

const { step, kind, reader, taggedReader, valueMutator, invalidator, bumper, replicaReader } = castOf(slots)

/** What other caches do, and steps in an order that looks as good. */
const OTHER_WAYS: Readonly<Record<string, Scenario>> = {
  'plain cache-aside: get, load, set against a write and a delete': {
    actors: [
      kind(step.plainRead, step.load, step.plainSet)('R'),
      kind(step.plainRead, step.load, step.plainSet)('S'),
      kind(step.commit, step.plainDelete)('V'),
      kind(step.commit, step.plainDelete)('W')
    ]
  },
  'two writers who set what they have written, without a fence': {
    actors: ['V', 'W'].map(name => kind(step.commit, step.plainSetAcknowledged)(name))
  },
  'a set without a fence, against a mutation': {
    actors: [kind(step.load, step.plainSet)('A'), valueMutator('W'), reader('R')]
  },
  'a set of what was committed before the slot was closed, against an invalidation': {
    actors: [kind(step.commit, step.begin, step.endWithValue)('A'), invalidator('W')]
  },
  'a load that begins before the lease is there': {
    actors: [kind(step.read, step.load, step.acquire, step.fill)('R'), invalidator('W')]
  },
  'generations that are captured after the load': {
    actors: [kind(step.acquire, step.load, step.capture, step.fill)('R'), bumper('W')]
  },
  'generations that a refresh captures after the load': {
    actors: [kind(step.readStale, step.load, step.capture, step.refresh)('F'), bumper('W')],
    start: FULL
  },
  'generations that a mutation captures before its end': {
    actors: [kind(step.begin, step.commit, step.capture, step.endWithValue)('U'), bumper('W'), taggedReader('R')]
  },
  'an invalidation that does not hold, and a replica that lags': {
    actors: [replicaReader('R'), kind(step.commit, step.invalidate, step.replicate)('W')]
  },
  'a mutation that dies, and whose closed slot was evicted': {
    actors: [reader('R'), valueMutator('W', MORTAL), kind(step.evict)('E')]
  },
  'a mutation of a tag that dies, and whose pending generation was evicted': {
    actors: [taggedReader('R'), kind(step.beginTag, step.commit, step.endTag)('W', MORTAL), kind(step.evictTag)('E')]
  },
  'a mutation that does not hold, and a replica that lags': {
    actors: [replicaReader('R'), kind(step.begin, step.commit, step.end, step.replicate)('W')]
  }
}

const ALONE = 'two fills, two mutations with values that may die'
const WITH_INVALIDATION = 'two fills, a mutation with a value that may die, an invalidation'

/** Transitions that are not as they should be, and the scenario that shows it. */
const OTHER_RULES: Readonly<Record<string, readonly [scenario: string, rules: Partial<Rules>]>> = {
  'an invalidation that deletes a closed slot': [
    WITH_INVALIDATION,
    { invalidate: () => changed(slots.ABSENT, undefined) }
  ],
  'an invalidation that leaves it to the writer to store': [
    WITH_INVALIDATION,
    {
      invalidate: (slot, nowMs, freshId) =>
        slot.kind === 'closed' ? changed({ ...slot, id: freshId }, undefined) : slots.invalidate(slot, nowMs, freshId)
    }
  ],
  'an invalidation that leaves a lease': [
    'two fills, two invalidations',
    {
      invalidate: (slot, nowMs, freshId) =>
        slot.kind === 'lease' ? changed(slot, undefined) : slots.invalidate(slot, nowMs, freshId)
    }
  ],
  'an end that stores although another writer met it': [
    ALONE,
    {
      endWrite: (slot, nowMs, token, freshId, ending) =>
        slot.kind === 'closed' && slot.writers.every(writer => writer.token === token)
          ? slots.endWrite({ ...slot, storer: token }, nowMs, token, freshId, ending)
          : slots.endWrite(slot, nowMs, token, freshId, ending)
    }
  ],
  'an end that leaves what it finds after its deadline': [
    'two fills, two mutations with values whose deadlines may pass',
    {
      endWrite: (slot, nowMs, token, freshId, ending) => {
        const found = slots.slotAt(slot, nowMs)
        const isKnown = found.kind === 'closed' && found.writers.some(writer => writer.token === token)
        return isKnown ? slots.endWrite(slot, nowMs, token, freshId, ending) : unchanged(found, false)
      }
    }
  ],
  'an end that opens the slot while another writer is in it': [
    'two fills, two mutations that may die',
    { endWrite: () => changed(slots.ABSENT, false) }
  ],
  'a begin that forgets who is in the slot': [
    ALONE,
    {
      beginWrite: (_slot, nowMs, token, durationMs, freshId) =>
        slots.beginWrite(slots.ABSENT, nowMs, token, durationMs, freshId)
    }
  ],
  'a begin that leaves a lease': [
    'two fills, two mutations that may die',
    {
      beginWrite: (slot, nowMs, ...rest) =>
        slot.kind === 'lease' ? changed(slot, undefined) : slots.beginWrite(slot, nowMs, ...rest)
    }
  ],
  'a lease that is taken in a closed slot': [
    'two fills, two mutations that may die',
    {
      acquire: (slot, nowMs, ...rest) => slots.acquire(slot.kind === 'closed' ? slots.ABSENT : slot, nowMs, ...rest)
    }
  ],
  'a fill that does not look at the token': [
    'two fills, two invalidations',
    {
      fill: (slot, nowMs, token, entry) => slots.fill(slot, nowMs, slot.kind === 'lease' ? slot.token : token, entry)
    }
  ],
  'a fill of what is absent': [
    'two fills, two invalidations',
    {
      fill: (slot, nowMs, token, entry) =>
        slots.fill(slot.kind === 'absent' ? slots.acquire(slot, nowMs, token, 1).state : slot, nowMs, token, entry)
    }
  ],
  'a release that does not look at the token': [
    'a fill, a reader whose loader fails, a reader and a mutation that may die',
    { release: () => changed(slots.ABSENT, true) }
  ],
  'a refresh that does not look at the id': [
    'a refresh, a fill, an invalidation, a mutation that may die',
    {
      refresh: (slot, nowMs, id, entry) => slots.refresh(slot, nowMs, slot.kind === 'entry' ? slot.id : id, entry)
    }
  ],
  'a hold that nobody keeps': [
    'two fills from a replica, an invalidation that holds',
    { invalidate: (slot, nowMs, freshId) => slots.invalidate(slot, nowMs, freshId) }
  ],
  'a hold that nobody keeps after a mutation': [
    'two fills from a replica, a mutation that holds, a fill',
    { endWrite: (slot, nowMs, token, freshId) => slots.endWrite(slot, nowMs, token, freshId) }
  ]
}

for (const [what, scenario] of Object.entries(SCENARIOS)) {
  t.test(`no stale entry: ${what}`, async t => {
    const found = walk(scenario(slots))
    t.comment(summaryOf(found))
    t.strictSame(found.example, [])
    t.equal(found.violations, 0)
    t.ok(found.fruitful > 0, 'and something is cached')
  })
}

const counterExamples: Record<string, Scenario> = { ...OTHER_WAYS }
for (const [what, [scenario, rules]] of Object.entries(OTHER_RULES)) {
  const made = SCENARIOS[scenario]?.({ ...slots, ...rules })
  if (made !== undefined) counterExamples[what] = made
}

for (const [what, scenario] of Object.entries(counterExamples)) {
  t.test(`a stale entry is found: ${what}`, async t => {
    const found = walk(scenario)
    t.comment(summaryOf(found))
    t.comment(found.example.join(', '))
    t.ok(found.violations > 0)
  })
}

t.test('every counter-example of the transitions has its scenario', async t => {
  t.equal(Object.keys(counterExamples).length, Object.keys(OTHER_WAYS).length + Object.keys(OTHER_RULES).length)
})
