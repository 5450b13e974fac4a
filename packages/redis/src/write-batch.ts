import type { Cluster, Redis } from 'ioredis'
import { isCluster } from './topology.ts'

/**
 * Lets the commands that are sent within one turn of the event loop leave in one write, by corking the socket until the
 * turn is over. What ioredis calls auto-pipelining does the same with a pipeline object and a second promise per command
 * (docs/decisions/0001): it stays the way for a cluster, where every node has a socket of its own.
 */
export class WriteBatch {
  readonly #client: Redis | undefined
  #isOpen = false

  constructor(client: Redis | Cluster) {
    this.#client = isCluster(client) ? undefined : client
  }

  /** To be called before each command. */
  join(): void {
    // Before the first connection ioredis has no stream, whatever its type says.
    const stream = this.#client?.stream as Redis['stream'] | undefined
    if (this.#isOpen || stream === undefined) return
    this.#isOpen = true
    stream.cork()
    setImmediate(() => {
      this.#isOpen = false
      stream.uncork()
    })
  }
}
