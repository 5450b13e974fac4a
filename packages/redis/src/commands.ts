import { setImmediate } from 'node:timers/promises'
import type { CacheError, CacheOperation, Err, Ok, Result, StoreOperation } from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import type { PortGuard } from '@dashtam/cache-protocol/adapter'
import type { Cluster, Redis } from 'ioredis'
import type { ConnectionMonitor } from './connection-monitor.ts'
import { Deadlines, type Pending } from './deadlines.ts'
import { toRedisFault } from './redis-fault.ts'
import { isCluster, isMoved, learnSlots } from './topology.ts'
import type { WriteBatch } from './write-batch.ts'

type Operation = CacheOperation | StoreOperation

/** Says whether commands may be sent now, or will be. */
export interface Gate {
  /** Why a command would be in vain. */
  readonly refusal: 'circuit_open' | 'connection' | undefined
  /** Set while it is not known yet; resolves when it is. */
  readonly opening: Promise<void> | undefined
}

/** Sends commands and turns whatever comes of them, within the deadline, into a `Result`. */
export class Commands {
  readonly #client: Redis | Cluster
  readonly #guard: PortGuard
  readonly #monitor: ConnectionMonitor
  readonly #gate: Gate
  readonly #batch: WriteBatch
  readonly #deadlines: Deadlines
  readonly #timeoutMs: number
  #isClosed = false

  constructor(
    client: Redis | Cluster,
    guard: PortGuard,
    monitor: ConnectionMonitor,
    batch: WriteBatch,
    timeoutMs: number,
    gate: Gate = monitor
  ) {
    this.#client = client
    this.#guard = guard
    this.#gate = gate
    this.#monitor = monitor
    this.#batch = batch
    this.#deadlines = new Deadlines(timeoutMs)
    this.#timeoutMs = timeoutMs
  }

  /** Runs `send`, which issues one command (or one pipeline), under the deadline. Never rejects. */
  run<T>(operation: Operation, key: string | undefined, send: () => Promise<T>): Promise<Result<T>>
  /**
   * The same, with what the server answered turned into what the operation answers. `wrongType` is the answer for a key
   * that holds another type, when that is no failure.
   */
  run<T, U>(
    operation: Operation,
    key: string | undefined,
    send: () => Promise<T>,
    toAnswer: (value: T) => Ok<U> | Promise<Result<U>>,
    wrongType?: Ok<U>
  ): Promise<Result<U>>
  run(
    operation: Operation,
    key: string | undefined,
    send: () => Promise<unknown>,
    toAnswer: (value: unknown) => Ok<unknown> | Promise<Result<unknown>> = ok,
    wrongType?: Ok<unknown>
  ): Promise<Result<unknown>> {
    if (this.#isClosed) return Promise.resolve(this.#guard.closed(operation))
    const { refusal } = this.#gate
    if (refusal !== undefined) return Promise.resolve(this.#refused(operation, key, refusal))
    const { opening } = this.#gate
    // A command on many keys is a batch of its own, and goes out at once.
    if (key !== undefined) this.join()
    return new Promise(resolve => {
      const pending = this.#deadlines.start(() => {
        this.#monitor.timedOut()
        resolve(this.#timeout(operation, key))
      })
      let sent: Promise<unknown>
      try {
        // A command that is sent before the first connection stands would be rejected: there is no offline queue.
        sent = opening === undefined ? send() : this.#sendOnceOpen(opening, pending, send)
      } catch (error) {
        // ioredis throws at once for a slot of a cluster that no master serves.
        sent = Promise.reject(error)
      }
      let isFollowed = false
      const answered = (value: unknown) => {
        // After the deadline nobody waits any more.
        if (pending.isFinished) return
        this.#deadlines.finish(pending)
        this.#monitor.answered()
        resolve(toAnswer(value))
      }
      const failed = (error: unknown) => {
        if (pending.isFinished) return
        if (!isFollowed && isMoved(error) && isCluster(this.#client)) {
          isFollowed = true
          this.#sendOnceOpen(learnSlots(this.#client), pending, send).then(answered, failed)
          return
        }
        this.#deadlines.finish(pending)
        resolve(this.#fault(operation, key, error, wrongType))
      }
      sent.then(answered, failed)
    })
  }

  async #sendOnceOpen<T>(opening: Promise<void>, pending: Pending, send: () => Promise<T>): Promise<T> {
    await opening
    // Nobody waits for it any more, or it would wait in the offline queue of an app's own client.
    if (pending.isFinished || this.#gate.refusal !== undefined) throw new Error('no connection in time')
    return send()
  }

  /** Has the next command leave together with others of this turn. */
  join(): void {
    this.#batch.join(this.#deadlines.size)
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

  #refused(operation: Operation, key: string | undefined, reason: 'circuit_open' | 'connection'): Err<CacheError> {
    const why = reason === 'connection' ? 'there is no usable connection to Redis' : 'Redis does not answer'
    return this.#guard.failure(operation, reason, `${why}, so it was not asked`, { key })
  }

  #timeout(operation: Operation, key: string | undefined): Err<CacheError> {
    return this.#guard.failure(operation, 'timeout', `no answer within ${this.#timeoutMs} ms`, { key })
  }

  #fault(
    operation: Operation,
    key: string | undefined,
    error: unknown,
    wrongType: Ok<unknown> | undefined
  ): Result<unknown> {
    const fault = toRedisFault(error)
    if (wrongType !== undefined && fault.serverCode === 'WRONGTYPE') return wrongType
    if (fault.serverCode !== undefined && fault.reason !== 'wrong_type') this.#monitor.refused(fault)
    return this.#guard.failure(operation, fault.reason, fault.message, { key, cause: fault.cause })
  }
}
