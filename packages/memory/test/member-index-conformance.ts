import { memberIndexConformance } from '@dashtam/cache-conformance'
import { MemoryMemberIndex } from '@dashtam/cache-memory'
import t from 'tap'

let nowMs = 1_000_000
const opened = new Map<string, MemoryMemberIndex>()

memberIndexConformance({
  test: (title, run) =>
    t.test(title, async t => {
      await run()
      t.pass('conforms')
    }),
  create: ({ keyspace }) => {
    const index = opened.get(keyspace) ?? new MemoryMemberIndex({ keyspace, clock: () => nowMs })
    opened.set(keyspace, index)
    return { index }
  },
  advance: async milliseconds => {
    nowMs += milliseconds
  }
})
