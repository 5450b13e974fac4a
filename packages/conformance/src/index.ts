import { everyOperationTests } from './every-operation.ts'
import { everyWriteTests } from './every-write.ts'
import { closeTests } from './operations/close.ts'
import { decrementTests } from './operations/decrement.ts'
import { deleteTests } from './operations/delete.ts'
import { deleteManyTests } from './operations/delete-many.ts'
import { deletePatternTests } from './operations/delete-pattern.ts'
import { existsTests } from './operations/exists.ts'
import { expireTests } from './operations/expire.ts'
import { flushTests } from './operations/flush.ts'
import { getTests } from './operations/get.ts'
import { getJsonTests } from './operations/get-json.ts'
import { getManyTests } from './operations/get-many.ts'
import { incrementTests } from './operations/increment.ts'
import { pingTests } from './operations/ping.ts'
import { scanTests } from './operations/scan.ts'
import { setTests } from './operations/set.ts'
import { setJsonTests } from './operations/set-json.ts'
import { setManyTests } from './operations/set-many.ts'
import { takeTests } from './operations/take.ts'
import { ttlTests } from './operations/ttl.ts'
import { type ConformanceOptions, createSuite, type Suite } from './suite.ts'

export type { FencedStoreConformanceOptions, FencedStoreHandle, ForeignSlots } from './fenced-store/suite.ts'
export { fencedStoreConformance } from './fenced-store.ts'
export { BAD_TTLS, HOSTILE_KEY_NAMES, HOSTILE_VALUES, JSON_VALUES, jsonMisfits } from './hostile.ts'
export type { FeedHandle, InvalidationFeedConformanceOptions } from './invalidation-feed/suite.ts'
export { invalidationFeedConformance } from './invalidation-feed.ts'
export type { ForeignOwners, MemberIndexConformanceOptions, MemberIndexHandle } from './member-index.ts'
export { memberIndexConformance } from './member-index.ts'
export type { ConformanceOptions, CreateOptions, ForeignAccess } from './suite.ts'
export type { ForeignBuckets, TokenBucketConformanceOptions, TokenBucketHandle } from './token-bucket/suite.ts'
export { tokenBucketConformance } from './token-bucket.ts'

const TESTS: readonly ((suite: Suite) => void)[] = [
  getTests,
  getJsonTests,
  setTests,
  setJsonTests,
  takeTests,
  deleteTests,
  deleteManyTests,
  deletePatternTests,
  existsTests,
  expireTests,
  ttlTests,
  incrementTests,
  decrementTests,
  getManyTests,
  setManyTests,
  scanTests,
  flushTests,
  pingTests,
  closeTests,
  everyOperationTests,
  everyWriteTests
]

/**
 * Registers the tests that every adapter of the cache port passes. Each test makes its own cache in a random keyspace
 * and cleans up after itself, so the suite may run against a shared server.
 *
 * @throws TypeError when an option is unknown, or not a function where one is needed.
 */
export function cacheConformance(options: ConformanceOptions): void {
  const suite = createSuite(options)
  for (const register of TESTS) register(suite)
}
