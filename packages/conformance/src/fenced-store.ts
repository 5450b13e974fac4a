import { argumentTests } from './fenced-store/arguments.ts'
import { claimTests } from './fenced-store/claims.ts'
import { fillTests } from './fenced-store/fills.ts'
import { foreignTests } from './fenced-store/foreign.ts'
import { generationTests } from './fenced-store/generations.ts'
import { invalidationTests } from './fenced-store/invalidation.ts'
import { leaseTests } from './fenced-store/leases.ts'
import { readingTests } from './fenced-store/reading.ts'
import { serverTests } from './fenced-store/server.ts'
import { createFencedSuite, type FencedStoreConformanceOptions, type FencedSuite } from './fenced-store/suite.ts'
import { writeTests } from './fenced-store/writes.ts'

const TESTS: readonly ((suite: FencedSuite) => void)[] = [
  readingTests,
  leaseTests,
  fillTests,
  claimTests,
  invalidationTests,
  writeTests,
  generationTests,
  argumentTests,
  serverTests,
  foreignTests
]

/**
 * Registers the tests that every `FencedStore` passes: each transition of a slot and of a generation. Each test makes its
 * own store in a random keyspace, so the suite may run against a shared server.
 *
 * @throws TypeError when an option is unknown, or not a function where one is needed.
 */
export function fencedStoreConformance(options: FencedStoreConformanceOptions): void {
  const suite = createFencedSuite(options)
  for (const register of TESTS) register(suite)
}
