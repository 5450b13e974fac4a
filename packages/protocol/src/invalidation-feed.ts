/** Whom a feed tells. None of the calls may throw. */
export interface FeedListener {
  /** The slot of `key` has changed: nobody says how, or who did it. Often more than once for one change. */
  slotChanged(key: string): void
  /** A generation has changed. */
  generationChanged(name: string): void
  /** Anything may have changed: the store was flushed, or the feed had a gap. */
  everythingChanged(): void
}

/** What a feed has been doing, for metrics. */
export interface FeedStats {
  /** `tracking`: the server tells of every change. `pubsub`: only changes by this toolkit are told. */
  readonly mode: 'tracking' | 'pubsub' | 'local' | 'none'
  readonly isTrusted: boolean
  readonly messages: number
  /** How often trust was lost. */
  readonly gaps: number
  readonly barriers: number
  /** The round trip of the last heartbeat, in milliseconds. */
  readonly lagMs: number | undefined
}

/**
 * Tells a process of every change of the slots and generations of a {@link FencedStore}, whoever made it.
 */
export interface InvalidationFeed {
  /** Begins to tell `listener`. To be called once. */
  start(listener: FeedListener): void

  /**
   * Until when a change that was acknowledged is known to have been told, in milliseconds of `performance.now()`:
   * `Infinity` for a feed that has no delay, in the past while it is not trusted. Whenever trust begins anew
   * `everythingChanged` is called first, so that nothing of before is trusted.
   */
  readonly trustedUntilMs: number

  /**
   * Resolves to `true` once everything has been told that was acknowledged before the call; to `false` when that cannot
   * be had, and soon. Never rejects. Calls of one turn of the event loop share a round trip.
   *
   * @param key - The slot that the caller will read.
   * @param generations - And the generations that it depends on.
   */
  barrier(key: string, generations: readonly string[]): Promise<boolean>

  stats(): FeedStats

  /** Tells nobody any more, and releases what the feed has opened. */
  close(): Promise<void>
}
