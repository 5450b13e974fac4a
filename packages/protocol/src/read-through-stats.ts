import type { FeedStats } from './invalidation-feed.ts'

/** What happened to the reads of a family, and what became of its loads. Every number only grows. */
export interface FamilyStats {
  /** Reads served from memory, fresh. */
  readonly memoryHits: number
  /** Reads served from the shared store, fresh. */
  readonly sharedHits: number
  /** Reads served an expired value. */
  readonly staleHits: number
  /** Reads for which the loader was called. */
  readonly misses: number
  /** Reads that got what another read was loading, in this process or in another. */
  readonly collapsed: number
  /** Reads that were rejected. */
  readonly errors: number
  /** Calls of the loader, those of refreshes included. */
  readonly loads: number
  /** Calls that failed, those that took too long or were aborted included. */
  readonly loadErrors: number
  /** Calls that took too long. */
  readonly loadTimeouts: number
  /** Calls of the loader for a refresh. */
  readonly refreshes: number
  /** Values that were not stored because something was invalidated while they were being loaded. */
  readonly fenced: number
  /** Suspect values that turned out to be the current ones. */
  readonly confirmed: number
  /** Entries that could not be read, and were taken for a miss. */
  readonly unreadable: number
  /** Loaded values that no codec takes, so that they were not stored. */
  readonly unstorable: number
  /** Reads that found the store out of reach. */
  readonly degraded: number
  /** Invalidations that were acknowledged. */
  readonly invalidations: number
  /** Invalidations that were not acknowledged at once. */
  readonly pending: number
}

/** What a read-through cache has been doing, for metrics and for people. */
export interface ReadThroughStats {
  readonly families: Readonly<Record<string, FamilyStats>>
  readonly feed: FeedStats
  /** Invalidations that are not delivered yet. */
  readonly owed: number
  readonly memory: { readonly entries: number; readonly bytes: number; readonly evictions: number }
}
