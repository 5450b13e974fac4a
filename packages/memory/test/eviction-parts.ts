import t from 'tap'
import { FrequencySketch } from '../src/eviction/frequency-sketch.ts'
import { GhostCaches } from '../src/eviction/ghost-caches.ts'
import { createKeyHash } from '../src/eviction/key-hash.ts'
import type { Segment, Weighed } from '../src/eviction/segment.ts'
import { SegmentedOrder } from '../src/eviction/segmented-order.ts'
import { loop, randomFrom, shiftingRecency } from './fixtures/access-patterns.ts'

t.test('createKeyHash() gives keys that collide under one seed different hashes under another', async t => {
  const [hash, other] = [createKeyHash(1), createKeyHash(2)]
  const random = randomFrom(1)
  const keys = new Set(Array.from({ length: 400_000 }, () => `user:${random()}:${random()}`))
  const firstWith = new Map<number, string>()
  const colliding: [string, string][] = []
  for (const key of keys) {
    const first = firstWith.get(hash(key))
    if (first === undefined) firstWith.set(hash(key), key)
    else colliding.push([first, key])
  }
  // By chance there are 400,000 ** 2 / 2 / 2 ** 32 = 19 pairs.
  t.ok(colliding.length > 5 && colliding.length < 40, `${colliding.length} pairs`)
  t.notOk(colliding.some(([a, b]) => other(a) === other(b)))
})

t.test('createKeyHash() looks at all of a key, lone surrogates and NUL included', async t => {
  const hash = createKeyHash(7)
  const keys = [
    '',
    '\0',
    '\0\0',
    'a',
    'a\0',
    '\ud800',
    '\udc00',
    'ab',
    'ba',
    `${'x'.repeat(999)}a`,
    `${'x'.repeat(999)}b`
  ]
  t.equal(new Set(keys.map(hash)).size, keys.length)
})

t.test('FrequencySketch counts to 15, and never too little', async t => {
  const sketch = sketchFor(1_000)
  const random = randomFrom(1)
  const counts = new Map<number, number>()
  const hash = createKeyHash(1)
  for (let step = 0; step < 9_000; step++) {
    const key = hash(`k${Math.floor(random() ** 3 * 2_000)}`)
    sketch.add(key, 1)
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  let excess = 0
  for (const [key, count] of counts) {
    const tooMuch = sketch.estimate(key) - Math.min(15, count)
    if (tooMuch < 0) return t.fail('too little')
    excess += tooMuch
  }
  t.ok(excess / counts.size < 0.05, `on average ${excess / counts.size} too much`)
})

t.test('FrequencySketch halves what it knows after ten uses per entry', async t => {
  const sketch = sketchFor(100)
  const [first, second] = [createKeyHash(1)('a'), createKeyHash(1)('b')]
  sketch.add(first, 12)
  sketch.add(second, 1)
  for (let other = 0; other < 986; other++) sketch.add(createKeyHash(1)(`other${other}`), 1)
  t.equal(sketch.estimate(first), 12, 'one use to go')
  sketch.add(second, 1)
  t.strictSame([sketch.estimate(first), sketch.estimate(second)], [6, 1])
})

t.test('FrequencySketch keeps its counts when it grows', async t => {
  const sketch = sketchFor(10)
  const hashes = Array.from({ length: 8 }, (_, index) => createKeyHash(1)(`k${index}`))
  for (const [index, hash] of hashes.entries()) sketch.add(hash, index + 1)
  const before = hashes.map(hash => sketch.estimate(hash))
  sketch.resize(5_000, 5_000)
  t.strictSame(
    hashes.map(hash => sketch.estimate(hash)),
    before
  )
})

t.test('victim() is the candidate unless it is used more often than all that would have to leave for it', async t => {
  const incumbents = [1, 2, 3, 4].map(number => entry(`incumbent${number}`, 2, 40))
  const victimFor = (frequency: number, bytes: number, excessBytes: number) => {
    const order = orderOf(incumbents)
    order.add(entry('candidate', frequency, bytes))
    order.add(entry('newest', 0, 1))
    return order.victim(excessBytes)?.name
  }
  t.equal(victimFor(2, 40, 40), 'candidate', 'a tie is no gain')
  t.equal(victimFor(3, 40, 40), 'incumbent1')
  t.equal(victimFor(6, 100, 100), 'candidate', 'three times 2 are as much')
  t.equal(victimFor(7, 100, 100), 'incumbent1')
  t.equal(victimFor(3, 100, 30), 'incumbent1', 'one of them makes the room that is missing')
  t.equal(victimFor(3, 100, 0), 'incumbent1', 'a place, and no bytes')
})

t.test('victim() takes what it does not look at to be like what it has looked at', async t => {
  const incumbents = Array.from({ length: 200 }, (_, index) => entry(`incumbent${index}`, index < 150 ? 0.1 : 9, 1))
  for (const [bytes, name] of [
    [100, 'candidate'],
    [60, 'incumbent0']
  ] as const) {
    const order = orderOf(incumbents)
    order.add(entry('candidate', 8, bytes))
    order.add(entry('newest', 0, 1))
    t.equal(order.victim(bytes)?.name, name, `${bytes} bytes, a tenth of a use each`)
  }
})

t.test('use() protects an entry on probation from those that come after it', async t => {
  const order = orderOf([1, 2, 3].map(number => entry(`incumbent${number}`, 1, 1)))
  const used = order.victim(0)
  if (used !== undefined) order.use(used)
  for (const number of [1, 2]) order.add(entry(`new${number}`, 1, 1))
  order.settle()
  const names = [1, 2, 3, 4, 5].map(() => {
    const victim = order.victim(0)
    if (victim !== undefined) order.remove(victim)
    return victim?.name
  })
  t.strictSame(names, ['incumbent2', 'incumbent3', 'new1', 'incumbent1', 'new2'], 'the newest is in the window')
})

t.test('victim() does not let the same entry win for ever', async t => {
  // It looks popular, and is never used again.
  const sticky = entry('sticky', 15, 1)
  const order = orderOf([sticky, entry('incumbent1', 1, 1), entry('incumbent2', 1, 1)])
  order.add(entry('candidate0', 7, 1))
  const victims = [1, 2, 3].map(number => {
    order.add(entry(`candidate${number}`, 7, 1))
    const victim = order.victim(0)
    if (victim !== undefined) order.remove(victim)
    order.settle()
    return victim?.name
  })
  t.strictSame(victims, ['candidate0', 'incumbent1', 'incumbent2'])
})

t.test('GhostCaches chooses the window that would have had the most hits', async t => {
  const hash = createKeyHash(1)
  const sketch = sketchFor(100)
  const ghosts = new GhostCaches(key => sketch.estimate(key))
  ghosts.resize(100)
  t.equal(ghosts.windowShare, 0.01)
  for (const [pattern, windowShare] of [
    [shiftingRecency, 0.99],
    [loop, 0.01]
  ] as const) {
    for (const key of pattern(100, randomFrom(1))) {
      sketch.add(hash(key), 1)
      ghosts.access(hash(key))
    }
    t.equal(ghosts.windowShare, windowShare)
  }
})

interface Named extends Weighed<Named> {
  readonly name: string
  readonly frequency: number
}

function entry(name: string, frequency: number, bytes: number): Named {
  const segment: Segment<Named> | undefined = undefined
  return { name, frequency, bytes, segment, older: undefined, newer: undefined }
}

/** With a window of one, and `incumbents` on probation. */
function orderOf(incumbents: readonly Named[]): SegmentedOrder<Named> {
  const order = new SegmentedOrder<Named>(({ frequency }) => frequency)
  order.resize(1_000, 100_000, 0.001)
  for (const incumbent of incumbents) {
    order.add(incumbent)
    order.settle()
  }
  const last = entry('last', 0, 1)
  order.add(last)
  order.settle()
  order.remove(last)
  return order
}

function sketchFor(entries: number): FrequencySketch {
  const sketch = new FrequencySketch()
  sketch.resize(entries, entries)
  return sketch
}
