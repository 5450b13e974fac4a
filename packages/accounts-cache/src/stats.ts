/** What was asked of the accounts since the cache was made. */
export interface AccountsStats {
  /** Lists that were answered. */
  readonly listed: number
  /** Filtered lists that were answered, each by the source. */
  readonly bypassed: number
  /** Responses of providers that were answered. */
  readonly provided: number
  /** Pages of transactions that were answered. */
  readonly paged: number
  /** Pages that were asked for by a user who has no such account. */
  readonly refused: number
  /** Writes that have succeeded. */
  readonly changed: number
  /** Accounts whose pages were dropped, acknowledged or not. */
  readonly dropped: number
}
