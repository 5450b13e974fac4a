import { invalidationFeedConformance } from '@dashtam/cache-conformance'
import { MemoryFencedStore } from '@dashtam/cache-memory'
import t from 'tap'

const stores = new Map<string, MemoryFencedStore>()

invalidationFeedConformance({
  test: (title, run) =>
    t.test(title, async t => {
      await run()
      t.pass('conforms')
    }),
  create: ({ keyspace }) => {
    const store = stores.get(keyspace) ?? new MemoryFencedStore({ keyspace })
    stores.set(keyspace, store)
    return { store, feed: store.openFeed() }
  }
})
