import type { Cluster, Redis } from 'ioredis'
import { isCluster } from './topology.ts'

/** So few commands are not worth a write of their own before the turn is over. */
const SMALLEST_WRITE = 16

/**
 * Lets the commands that are sent within one turn of the event loop leave in few writes, by corking the socket until the
 * turn is over, or until they are half of all that are under way: then the server works on one half while this process
 * works on the answers of the other. What ioredis calls auto-pipelining does the same with a pipeline object and a second
 * promise per command (docs/decisions/0001): it stays the way for a cluster, where every node has a socket of its own.
 */
export class WriteBatch {
  readonly #client: Redis | undefined
  /** Of this turn. A client that connects anew within it has another, whose commands leave one by one. */
  #corked: Redis['stream'] | undefined
  #size = 0

  constructor(client: Redis | Cluster) {
    this.#client = isCluster(client) ? undefined : client
  }

  /**
   * To be called before each command.
   *
   * @param underWay - How many operations of the caller are not answered yet.
   */
  join(underWay: number): void {
    if (this.#corked === undefined) this.#begin()
    if (this.#corked === undefined) return
    if (this.#size >= SMALLEST_WRITE && this.#size >= underWay / 2) this.#write(this.#corked)
    this.#size++
  }

  #begin(): void {
    // Before the first connection ioredis has no stream, whatever its type says.
    const stream = this.#client?.stream as Redis['stream'] | undefined
    if (stream === undefined) return
    this.#corked = stream
    this.#size = 0
    stream.cork()
    setImmediate(() => {
      this.#corked = undefined
      stream.uncork()
    })
  }

  #write(stream: Redis['stream']): void {
    this.#size = 0
    stream.uncork()
    stream.cork()
  }
}
