import { argumentTests } from './token-bucket/arguments.ts'
import { foreignTests } from './token-bucket/foreign.ts'
import { createBucketSuite, type TokenBucketConformanceOptions } from './token-bucket/suite.ts'
import { takingTests } from './token-bucket/taking.ts'

/**
 * Registers the tests that every `TokenBucket` passes. Each test makes its own in a random keyspace, so the suite may run
 * against a shared server.
 *
 * @throws TypeError when an option is unknown, or not a function where one is needed.
 */
export function tokenBucketConformance(options: TokenBucketConformanceOptions): void {
  const suite = createBucketSuite(options)
  takingTests(suite)
  argumentTests(suite)
  foreignTests(suite)
}
