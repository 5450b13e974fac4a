/** What has become of sessions since the cache was made. */
export interface SessionStats {
  /** Begun. */
  readonly created: number
  /** Asked for, and there. */
  readonly found: number
  /** Asked for, and ended, over or never there. */
  readonly missing: number
  /** Uses that were noted. */
  readonly touched: number
  /** Saved. */
  readonly saved: number
  /** Not saved, or not noted, because they had ended meanwhile. */
  readonly refused: number
  /** Ended one by one. */
  readonly deleted: number
  /** Ended with all sessions of their users. */
  readonly revoked: number
}
