/** What happened to the reads of a family, and what became of its loads. Grows; a label value each for Prometheus. */
export class FamilyCounters {
  /** Reads served from memory, fresh. */
  memoryHits = 0
  /** Reads served from the shared store, fresh. */
  sharedHits = 0
  /** Reads served an expired value. */
  staleHits = 0
  /** Reads for which the loader was called. */
  misses = 0
  /** Reads that got what another read was loading, in this process or in another. */
  collapsed = 0
  /** Reads that were rejected. */
  errors = 0
  /** Calls of the loader, those of refreshes included. */
  loads = 0
  loadErrors = 0
  loadTimeouts = 0
  /** Calls of the loader for a refresh. */
  refreshes = 0
  /** Values that were not stored because something was invalidated while they were being loaded. */
  fenced = 0
  /** Suspect values that turned out to be the current ones. */
  confirmed = 0
  /** Entries that could not be read, and were taken for a miss. */
  unreadable = 0
  /** Loaded values that no codec takes, so that they were not stored. */
  unstorable = 0
  /** Reads that found the store out of reach. */
  degraded = 0
  /** Invalidations that were acknowledged. */
  invalidations = 0
  /** Invalidations that were not acknowledged at once. */
  pending = 0
}

/** A copy of the counters, by family. */
export type FamilyStats = Readonly<Record<keyof FamilyCounters, number>>
