import { tokenBucketConformance } from '@dashtam/cache-conformance'
import { MemoryTokenBucket } from '@dashtam/cache-memory'
import t from 'tap'

let nowMs = 1_000_000
const opened = new Map<string, MemoryTokenBucket>()

tokenBucketConformance({
  test: (title, run) =>
    t.test(title, async t => {
      await run()
      t.pass('conforms')
    }),
  create: ({ keyspace }) => {
    const buckets = opened.get(keyspace) ?? new MemoryTokenBucket({ keyspace, clock: () => nowMs })
    opened.set(keyspace, buckets)
    return { buckets }
  },
  advance: async milliseconds => {
    nowMs += milliseconds
  }
})
