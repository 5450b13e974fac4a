// The suites for fenced stores and feeds themselves: their options, and what they register.
import {
  type FencedStoreConformanceOptions,
  fencedStoreConformance,
  type InvalidationFeedConformanceOptions,
  invalidationFeedConformance
} from '@dashtam/cache-conformance'
import { MemoryFencedStore } from '@dashtam/cache-memory'
import t from 'tap'

const create = ({ keyspace }: { keyspace: string }) => {
  const store = new MemoryFencedStore({ keyspace })
  return { store, feed: store.openFeed() }
}

t.test('fencedStoreConformance() registers tests of different titles, fewer without `foreign`', async t => {
  const all: string[] = []
  const own: string[] = []
  fencedStoreConformance({ test: title => all.push(title), create, foreign: { setSlot: async () => {} } })
  fencedStoreConformance({ test: title => own.push(title), create })
  t.equal(new Set(all).size, all.length)
  t.ok(own.length < all.length)
  t.ok(own.every(title => all.includes(title)))
})

t.test('invalidationFeedConformance() registers tests of different titles', async t => {
  const titles: string[] = []
  invalidationFeedConformance({ test: title => titles.push(title), create })
  t.equal(new Set(titles).size, titles.length)
})

t.test('fencedStoreConformance() refuses options that are none, by name', async t => {
  const good = { test: () => {}, create }
  const wrong: [options: object, message: string][] = [
    [{ ...good, test: undefined }, 'test must be a function, got undefined'],
    [{ ...good, create: {} }, 'create must be a function, got object'],
    [{ ...good, advance: 5 }, 'advance must be a function, got number'],
    [{ ...good, clock: () => 0 }, "unknown option 'clock'"]
  ]
  for (const [options, message] of wrong) {
    t.throws(() => fencedStoreConformance(options as FencedStoreConformanceOptions), { name: 'TypeError', message })
  }
})

t.test('invalidationFeedConformance() refuses options that are none, by name', async t => {
  const wrong: [options: object, message: string][] = [
    [{ create }, 'test must be a function, got undefined'],
    [{ test: () => {}, create, advance: async () => {} }, "unknown option 'advance'"]
  ]
  for (const [options, message] of wrong) {
    t.throws(() => invalidationFeedConformance(options as InvalidationFeedConformanceOptions), {
      name: 'TypeError',
      message
    })
  }
})

t.test('the suites close what they have opened, also after a failure', async t => {
  let [opened, closed] = [0, 0]
  const tests: (() => Promise<void>)[] = []
  fencedStoreConformance({
    test: (title, run) => title.startsWith('acquire()') && tests.push(run),
    create: ({ keyspace }) => {
      opened++
      const store = Object.assign(new MemoryFencedStore({ keyspace }), {
        acquire: () => Promise.reject(new Error('broken'))
      })
      return { store, close: async () => void closed++ }
    }
  })
  for (const run of tests) await t.rejects(run())
  t.ok(opened >= tests.length)
  t.equal(closed, opened)
})
