import type { Cluster, Redis } from 'ioredis'
import { isCluster } from './topology.ts'

/** So many commands leave at once, and the server is at work on them while this process still is on its own turn. */
const FIRST_WRITE = 32

/**
 * Lets the commands that are sent within one turn of the event loop leave in few writes, by corking the socket: one, or,
 * of many commands, the first 32, then twice as many and so on. What ioredis calls auto-pipelining does the same with a
 * pipeline object and a second promise per command (docs/decisions/0001): it stays the way for a cluster, where every
 * node has a socket of its own.
 */
export class WriteBatch {
  readonly #client: Redis | undefined
  /** Of this turn. A client that connects anew within it has another, whose commands leave one by one. */
  #corked: Redis['stream'] | undefined
  #size = FIRST_WRITE
  #room = FIRST_WRITE

  constructor(client: Redis | Cluster) {
    this.#client = isCluster(client) ? undefined : client
  }

  /** To be called before each command. */
  join(): void {
    if (this.#corked === undefined) this.#begin()
    else if (this.#room === 0) this.#write(this.#corked)
    this.#room--
  }

  #begin(): void {
    // Before the first connection ioredis has no stream, whatever its type says.
    const stream = this.#client?.stream as Redis['stream'] | undefined
    if (stream === undefined) return
    this.#corked = stream
    this.#size = FIRST_WRITE
    this.#room = FIRST_WRITE
    stream.cork()
    setImmediate(() => {
      this.#corked = undefined
      stream.uncork()
    })
  }

  #write(stream: Redis['stream']): void {
    stream.uncork()
    stream.cork()
    this.#size *= 2
    this.#room = this.#size
  }
}
