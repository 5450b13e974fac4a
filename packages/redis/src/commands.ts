import { setImmediate } from 'node:timers/promises'
import type { CacheError, CacheOperation, Err, Ok, Result } from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import type { PortGuard } from '@dashtam/cache-protocol/adapter'
import type { ConnectionMonitor } from './connection-monitor.ts'
import { Deadlines } from './deadlines.ts'
import { toRedisFault } from './redis-fault.ts'
import type { WriteBatch } from './write-batch.ts'

/** Sends commands and turns whatever comes of them, within the deadline, into a `Result`. */
export class Commands {
  readonly #guard: PortGuard
  readonly #monitor: ConnectionMonitor
  readonly #batch: WriteBatch
  readonly #deadlines: Deadlines
  readonly #timeoutMs: number
  #isClosed = false

  constructor(guard: PortGuard, monitor: ConnectionMonitor, batch: WriteBatch, timeoutMs: number) {
    this.#guard = guard
    this.#monitor = monitor
    this.#batch = batch
    this.#deadlines = new Deadlines(timeoutMs)
    this.#timeoutMs = timeoutMs
  }

  /** Runs `send`, which issues one command (or one pipeline), under the deadline. Never rejects. */
  run<T>(operation: CacheOperation, key: string | undefined, send: () => Promise<T>): Promise<Result<T>>
  /** The same, with what the server answered turned into what the operation answers. */
  run<T, U>(
    operation: CacheOperation,
    key: string | undefined,
    send: () => Promise<T>,
    toAnswer: (value: T) => Ok<U>
  ): Promise<Result<U>>
  run(
    operation: CacheOperation,
    key: string | undefined,
    send: () => Promise<unknown>,
    toAnswer: (value: unknown) => Ok<unknown> = ok
  ): Promise<Result<unknown>> {
    if (this.#isClosed) return Promise.resolve(this.#guard.closed(operation))
    const { refusal } = this.#monitor
    if (refusal !== undefined) return Promise.resolve(this.#refused(operation, key, refusal))
    const { opening } = this.#monitor
    // A command on many keys is a batch of its own, and goes out at once.
    if (key !== undefined) this.#batch.join()
    return new Promise(resolve => {
      const pending = this.#deadlines.start(() => {
        this.#monitor.timedOut()
        resolve(this.#timeout(operation, key))
      })
      const sendOnceOpen = () => {
        // Nobody waits for it any more, or it would wait in the offline queue of an app's own client.
        if (pending.isFinished || this.#monitor.refusal !== undefined) throw new Error('no connection in time')
        return send()
      }
      let sent: Promise<unknown>
      try {
        // A command that is sent before the first connection stands would be rejected: there is no offline queue.
        sent = opening === undefined ? send() : opening.then(sendOnceOpen)
      } catch (error) {
        // ioredis throws at once for a slot of a cluster that no master serves.
        sent = Promise.reject(error)
      }
      sent.then(
        value => {
          // After the deadline nobody waits any more.
          if (pending.isFinished) return
          this.#deadlines.finish(pending)
          this.#monitor.answered()
          resolve(toAnswer(value))
        },
        (error: unknown) => {
          if (pending.isFinished) return
          this.#deadlines.finish(pending)
          resolve(this.#fault(operation, key, error))
        }
      )
    })
  }

  /** Lets what is under way finish, for one deadline at most; what would be sent after that fails as closed. */
  async close(): Promise<void> {
    const untilMs = performance.now() + this.#timeoutMs
    do {
      await this.#deadlines.whenIdle()
      // An operation of several commands has sent its next one by now, if it has one.
      await setImmediate()
    } while (!this.#deadlines.isIdle && performance.now() < untilMs)
    this.#isClosed = true
  }

  #refused(operation: CacheOperation, key: string | undefined, reason: 'circuit_open' | 'connection'): Err<CacheError> {
    const why = reason === 'connection' ? 'there is no connection to Redis' : 'Redis does not answer'
    return this.#guard.failure(operation, reason, `${why}, so it was not asked`, { key })
  }

  #timeout(operation: CacheOperation, key: string | undefined): Err<CacheError> {
    return this.#guard.failure(operation, 'timeout', `no answer within ${this.#timeoutMs} ms`, { key })
  }

  #fault(operation: CacheOperation, key: string | undefined, error: unknown): Err<CacheError> {
    const fault = toRedisFault(error)
    if (fault.serverCode !== undefined && fault.reason !== 'wrong_type') this.#monitor.refused(fault)
    return this.#guard.failure(operation, fault.reason, fault.message, { key, cause: fault.cause })
  }
}
