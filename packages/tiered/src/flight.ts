import type { Capture } from './capture.ts'
import type { Fence } from './fence.ts'
import type { Reading } from './reading.ts'
import type { SharedValue } from './shared-value.ts'

/** What a read comes to. */
export interface Outcome<V = unknown> {
  readonly value: SharedValue<V>
  readonly status: 'hit' | 'stale' | 'miss' | 'collapsed'
  readonly tier: 'memory' | 'shared' | undefined
}

/**
 * One read through the tiers, for everybody in this process who wants the value meanwhile. It may be joined for as long
 * as nothing that it depends on has moved since it looked: then it sees all that a read of its own would see.
 */
export class Flight<V = unknown> {
  /** The read that began it. */
  readonly reading: Reading<unknown, V>
  /** That of its slot, held until it lands. */
  readonly fence: Fence<Flight>
  /**
   * When the store was asked, by the engine's clock, for what is going to be served, or the source in its place;
   * `Infinity` while that is still to come.
   */
  askedAtMs: number
  /** The `moves` of the slot's fence at which it may be joined. */
  moves: number
  /** The generations, with their `moves`; their ids are known at the latest once it loads. */
  capture: Capture
  /** Set as soon as the flight has begun. */
  promise!: Promise<Outcome<V>>
  /** Resolves when what was loaded has been stored, or could not be: until then the flight may be joined. */
  stored: Promise<void> | undefined
  /** Whether it asks for everything, because no barrier could be had: what is known may be what is out of date. */
  trustsNothing = false
  #waiters = 0
  #isSettled = false
  #controller: AbortController | undefined
  #onAbandoned: (() => void) | undefined
  #isAbandoned = false

  constructor(reading: Reading<unknown, V>, fence: Fence<Flight>, capture: Capture, askedAtMs: number) {
    this.reading = reading
    this.fence = fence
    this.moves = fence.moves
    this.capture = capture
    this.askedAtMs = askedAtMs
  }

  /** Aborted when the last waiter has left. */
  get signal(): AbortSignal {
    return this.controller.signal
  }

  get controller(): AbortController {
    this.#controller ??= new AbortController()
    if (this.#isAbandoned) this.#controller.abort(abandoned())
    return this.#controller
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned
  }

  join(): void {
    this.#waiters++
  }

  /** One waiter less; the last one takes the load with it. */
  leave(): void {
    this.#waiters--
    if (this.#waiters > 0 || this.#isSettled) return
    this.#isAbandoned = true
    this.#controller?.abort(abandoned())
    this.#onAbandoned?.()
  }

  settle(): void {
    this.#isSettled = true
  }

  /** Ends as `other` does, and waits for it as one of its waiters. */
  endAs(other: Flight<V>): Promise<Outcome<V>> {
    other.join()
    this.onAbandoned(() => other.leave())
    return other.promise.then(collapsed)
  }

  onAbandoned(callback: () => void): void {
    if (this.#isAbandoned) callback()
    else this.#onAbandoned = callback
  }
}

/** What it is for those who have joined. */
export function collapsed<V>(outcome: Outcome<V>): Outcome<V> {
  return outcome.status === 'miss' ? { ...outcome, status: 'collapsed' } : outcome
}

function abandoned(): DOMException {
  return new DOMException('nobody waits for the value any more', 'AbortError')
}

/**
 * Waits for a flight, or until `signal` is aborted: then it rejects with the signal's reason, and the flight goes on for
 * the others.
 */
export function waitFor<V>(flight: Flight<V>, signal: AbortSignal | undefined): Promise<Outcome<V>> {
  flight.join()
  return untilAborted(flight.promise, signal, () => flight.leave())
}

/** Waits for `promise`, or until `signal` is aborted. */
export function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  onLeave?: () => void
): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      onLeave?.()
      reject(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    const done = () => signal.removeEventListener('abort', onAbort)
    promise.then(
      value => {
        done()
        resolve(value)
      },
      (error: unknown) => {
        done()
        reject(error)
      }
    )
    if (signal.aborted) onAbort()
  })
}
