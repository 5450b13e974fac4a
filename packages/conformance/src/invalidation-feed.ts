import { createFeedSuite, type InvalidationFeedConformanceOptions } from './invalidation-feed/suite.ts'
import { toldTests } from './invalidation-feed/told.ts'
import { trustTests } from './invalidation-feed/trust.ts'

/**
 * Registers the tests that every `InvalidationFeed` passes, with the `FencedStore` whose changes it tells: that they are
 * told, that a barrier comes after them, and what trust means. Messages may come late and more than once.
 *
 * @throws TypeError when an option is unknown, or not a function where one is needed.
 */
export function invalidationFeedConformance(options: InvalidationFeedConformanceOptions): void {
  const suite = createFeedSuite(options)
  toldTests(suite)
  trustTests(suite)
}
