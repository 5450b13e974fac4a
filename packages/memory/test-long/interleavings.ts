// The walks of test/interleavings.ts with an actor more each: a minute on two idle cores.
import t from 'tap'
import * as slots from '../src/slot.ts'
import { summaryOf } from '../test/fixtures/interleavings/explore.ts'
import { castOf, LAPSING, MORTAL, type Scenario, walk } from '../test/fixtures/interleavings/scenarios.ts'
import { entryOf } from '../test/fixtures/interleavings/world.ts'

const c = castOf(slots)
const ANY = { ...MORTAL, ...LAPSING }

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'three fills, three invalidations': {
    actors: [...'RST'].map(name => c.reader(name)).concat([...'UVW'].map(name => c.invalidator(name)))
  },
  'two fills, three mutations with values that may die': {
    actors: [c.reader('R'), c.reader('S'), ...[...'UVW'].map(name => c.valueMutator(name, MORTAL))]
  },
  'two fills, two mutations with values that may die and whose deadlines may pass': {
    actors: [c.reader('R'), c.reader('S'), c.valueMutator('V', ANY), c.valueMutator('W', ANY)]
  },
  'three fills that may die or be over, a mutation that may die, an invalidation': {
    actors: [c.reader('R', ANY), c.reader('S', ANY), c.reader('T'), c.mutator('V', MORTAL), c.invalidator('W')]
  },
  'a refresh, two fills, a set, a mutation with a value that may die, an invalidation': {
    actors: [
      c.refresher('F'),
      c.reader('R'),
      c.reader('S'),
      c.setter('A'),
      c.valueMutator('V', MORTAL),
      c.invalidator('W')
    ],
    start: { slot: { kind: 'entry', ...entryOf('e', 0), expiresAtMs: Infinity } }
  },
  'a fill, a reader whose loader fails, a reader and a mutation that may die, an invalidation': {
    actors: [c.reader('R'), c.failingReader('S'), c.reader('T', MORTAL), c.invalidator('V'), c.mutator('W', MORTAL)]
  },
  'two tagged fills, two mutations of the tag that may die': {
    actors: [c.taggedReader('R'), c.taggedReader('S'), c.tagMutator('V', MORTAL), c.tagMutator('W', MORTAL)]
  },
  'two tagged fills, a mutation of the tag, a bump, evictions': {
    actors: [c.taggedReader('R'), c.taggedReader('S'), c.tagMutator('V'), c.bumper('W'), c.tagEvictor('E')]
  },
  'a tagged fill, a mutation with a tagged value and one of the tag that may die, an invalidation': {
    actors: [c.taggedReader('R'), c.taggedValueMutator('U', MORTAL), c.tagMutator('V', MORTAL), c.invalidator('W')]
  },
  'two tagged fills, a mutation of the tag that may die, a bump, an invalidation': {
    actors: [c.taggedReader('R'), c.taggedReader('S'), c.tagMutator('U', MORTAL), c.bumper('V'), c.invalidator('W')]
  },
  'a tagged fill, two mutations with tagged values that may die, a mutation of the tag that may die': {
    actors: [
      c.taggedReader('R'),
      c.taggedValueMutator('T', MORTAL),
      c.taggedValueMutator('U', MORTAL),
      c.tagMutator('V', MORTAL)
    ]
  }
}

for (const [what, scenario] of Object.entries(SCENARIOS)) {
  t.test(`no stale entry: ${what}`, async t => {
    const found = walk(scenario)
    t.comment(summaryOf(found))
    t.strictSame(found.example, [])
    t.equal(found.violations, 0)
    t.ok(found.fruitful > 0, 'and something is cached')
  })
}
