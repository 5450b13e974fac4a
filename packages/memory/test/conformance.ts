import { cacheConformance } from '@dashtam/cache-conformance'
import { InMemoryCache } from '@dashtam/cache-memory'
import t from 'tap'

let nowMs = 0

cacheConformance({
  test: (title, run) =>
    t.test(title, async t => {
      await run()
      t.pass('conforms')
    }),
  create: options => new InMemoryCache({ ...options, clock: () => nowMs }),
  advance: async milliseconds => {
    nowMs += milliseconds
  }
})
