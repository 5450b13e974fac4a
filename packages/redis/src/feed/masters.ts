import type { Redis, RedisOptions } from 'ioredis'
import type { LossReason } from './loss-reason.ts'

/** A server to be followed. */
export interface Master {
  /** Tells it from the others. */
  readonly address: string
  /** The connection over which commands go to this server, if there is one. */
  data(): Redis | undefined
  /** Opens one more. */
  open(options: RedisOptions): Redis
  /** What puts a key on this server when it stands in it; `undefined` while the server has no slot. */
  hashTag(): string | undefined
}

/** The servers that between them hold every key. */
export interface Masters {
  /** `undefined` while it is not known which they are. */
  list(): readonly Master[] | undefined
  /** There may be another master by now: look, though not each time that this is said. */
  suspect(reason: LossReason): void
  /** Stops calling `onChange`. */
  close(): void
}

/** A connection made anew interrupts what is under way on it, and there may be no master to be found. */
const RECONNECT_INTERVAL_MS = 5_000

/** A single server, known by its address or to sentinels. */
export class SingleMaster implements Masters, Master {
  readonly address = ''
  readonly #client: Redis
  readonly #onChange: () => void
  readonly #mayReconnect = atMostEvery(RECONNECT_INTERVAL_MS)

  /** @param onChange - Called when commands may go to another server than before. */
  constructor(client: Redis, onChange: () => void) {
    this.#client = client
    this.#onChange = onChange
    client.on('ready', onChange)
  }

  list(): readonly Master[] {
    return [this]
  }

  data(): Redis | undefined {
    return this.#client.status === 'ready' ? this.#client : undefined
  }

  open(options: RedisOptions): Redis {
    return this.#client.duplicate(options)
  }

  hashTag(): string {
    return ''
  }

  suspect(reason: LossReason): void {
    // A sentinel, or DNS, may know of another server. A client that is not ready would be ended for good.
    if (reason === 'replica' && this.#client.status === 'ready' && this.#mayReconnect()) this.#client.disconnect(true)
  }

  close(): void {
    this.#client.off('ready', this.#onChange)
  }
}

/** Says yes, and then no for a while. */
export function atMostEvery(intervalMs: number): () => boolean {
  let nextMs = Number.NEGATIVE_INFINITY
  return () => {
    const nowMs = performance.now()
    if (nowMs < nextMs) return false
    nextMs = nowMs + intervalMs
    return true
  }
}
