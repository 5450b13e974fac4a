import { fencedStoreConformance } from '@dashtam/cache-conformance'
import { MemoryFencedStore } from '@dashtam/cache-memory'
import t from 'tap'

let nowMs = 1_000_000
const stores = new Map<string, MemoryFencedStore>()

fencedStoreConformance({
  test: (title, run) =>
    t.test(title, async t => {
      await run()
      t.pass('conforms')
    }),
  create: ({ keyspace }) => {
    const store = stores.get(keyspace) ?? new MemoryFencedStore({ keyspace, clock: () => nowMs })
    stores.set(keyspace, store)
    return { store, close: () => store.close() }
  },
  advance: async milliseconds => {
    nowMs += milliseconds
  }
})
