import { cacheConformance } from '@dashtam/cache-conformance'
import { InMemoryCache } from '@dashtam/cache-memory'
import t from 'tap'
import { CacheMetrics, measured } from '../src/index.ts'

let nowMs = 0
const metrics = new CacheMetrics()

cacheConformance({
  test: (title, run) =>
    t.test(title, async t => {
      await run()
      t.pass('conforms')
    }),
  create: options =>
    measured(new InMemoryCache({ ...options, clock: () => nowMs }), {
      metrics,
      // Throws for a key that is not a string, of which the suite has some.
      namespaceOf: key => key.split(':')[1]
    }),
  advance: async milliseconds => {
    nowMs += milliseconds
  }
})
