import assert from 'node:assert/strict'
import { cacheConformance } from '@dashtam/cache-conformance'
import { InMemoryCache } from '@dashtam/cache-memory'

/** Puts the in-memory adapter through the tests of one operation, with a runner of three lines. */
export async function use(): Promise<void> {
  const tests: { title: string; run: () => Promise<void> }[] = []
  cacheConformance({
    test: (title, run) => tests.push({ title, run }),
    create: options => new InMemoryCache({ maxEntries: 1_000, ...options })
  })
  const chosen = tests.filter(({ title }) => title.startsWith('take()'))
  assert.ok(chosen.length > 0)
  for (const { run } of chosen) await run()
}
