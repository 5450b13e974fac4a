/** What the parts of the engine share. */
export interface EngineSettings {
  /** Milliseconds that never go backwards, on the scale of the feed's `trustedUntilMs`. */
  readonly clock: () => number
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number
  /** For how long a change may go unnoticed when the network fails. */
  readonly heartbeatMs: number
  /** How long a value lives that was loaded while the store could not be asked. */
  readonly degradedMs: number
  /** How long a lease, a claim and a write live without being renewed. */
  readonly leaseMs: number
}
