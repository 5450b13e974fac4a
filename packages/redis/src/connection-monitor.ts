import type { Cluster, Redis } from 'ioredis'
import { type RedisFault, toRedisFault } from './redis-fault.ts'

/** The part of a pino logger that the adapter writes to. */
export interface CacheLogger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

/** How the connection to Redis is, and since when. */
export interface ConnectionState {
  readonly state: 'connecting' | 'up' | 'down'
  readonly since: Date
  /** Why it is down: there is no connection, or the server does not answer. */
  readonly reason?: 'connection' | 'timeout'
}

export interface ConnectionMonitorOptions {
  readonly client: Redis | Cluster
  readonly logger: CacheLogger | undefined
  readonly onStateChange: ((state: ConnectionState) => void) | undefined
}

/** So many commands in a row without an answer, and Redis counts as down: fewer could be one slow script. */
const TIMEOUTS_UNTIL_DOWN = 5
const PROBE_RETRY_MS = 500
/** A refusal that goes on (out of memory, no permission) is logged again after this long. */
const REFUSAL_LOG_INTERVAL_MS = 60_000

/**
 * Knows whether Redis can be asked, and is the circuit breaker: while Redis is down for not answering, commands are
 * refused at once and a single PING waits for the answer that ends it. Logs every change of state once.
 */
export class ConnectionMonitor {
  readonly #client: Redis | Cluster
  readonly #logger: CacheLogger | undefined
  readonly #onStateChange: ((state: ConnectionState) => void) | undefined
  readonly #refusalLoggedAtMs = new Map<string, number>()
  #state: ConnectionState
  #timeoutsInARow = 0
  #lastError: string | undefined
  #probeRetry: NodeJS.Timeout | undefined
  #opening: PromiseWithResolvers<void> | undefined
  #isClosed = false

  constructor({ client, logger, onStateChange }: ConnectionMonitorOptions) {
    this.#client = client
    this.#logger = logger
    this.#onStateChange = onStateChange
    this.#state = { ...stateOf(client), since: new Date() }
    if (this.#state.state === 'connecting') this.#opening = Promise.withResolvers()
    client.on('ready', this.#onReady)
    client.on('close', this.#onClose)
    client.on('error', this.#onError)
    // `lazyConnect`: nobody else would.
    if (client.status === 'wait') client.connect().catch(() => {})
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** Set while the first connection is being made; resolves when it stands or has failed. */
  get opening(): Promise<void> | undefined {
    return this.#opening?.promise
  }

  /**
   * Why a command need not be sent: it would wait for its deadline, or, on a client with an offline queue, for the
   * connection, to be carried out when nobody wants it any more.
   */
  get refusal(): 'circuit_open' | 'connection' | undefined {
    const { reason } = this.#state
    return reason === 'timeout' ? 'circuit_open' : reason
  }

  answered(): void {
    this.#timeoutsInARow = 0
  }

  timedOut(): void {
    this.#timeoutsInARow++
    if (this.#timeoutsInARow >= TIMEOUTS_UNTIL_DOWN && this.#state.state !== 'down') {
      this.#change({ state: 'down', reason: 'timeout' })
      this.#probe()
    }
  }

  /** The server answered, with an error that is not about one key. */
  refused({ serverCode = 'ERR', message }: RedisFault): void {
    this.answered()
    const nowMs = performance.now()
    const loggedAtMs = this.#refusalLoggedAtMs.get(serverCode)
    if (loggedAtMs !== undefined && nowMs - loggedAtMs < REFUSAL_LOG_INTERVAL_MS) return
    this.#refusalLoggedAtMs.set(serverCode, nowMs)
    this.#logger?.warn({ code: serverCode }, `the cache's Redis refuses commands: ${message}`)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#probeRetry)
    this.#client.off('ready', this.#onReady)
    this.#client.off('close', this.#onClose)
    this.#client.off('error', this.#onError)
    this.#endOpening()
  }

  readonly #onReady = (): void => {
    this.#lastError = undefined
    this.#change({ state: 'up' })
    this.#endOpening()
  }

  readonly #onClose = (): void => {
    this.#change({ state: 'down', reason: 'connection' })
    this.#endOpening()
  }

  readonly #onError = (error: unknown): void => {
    const { message } = toRedisFault(error).cause
    this.#lastError = message
    // ioredis would go on in database 0, which is somebody else's.
    if (message.includes('DB index is out of range')) this.#client.disconnect(true)
  }

  #endOpening(): void {
    this.#opening?.resolve()
    this.#opening = undefined
  }

  /** Asks until there is an answer. One question at a time is enough: a frozen server keeps it and answers later. */
  #probe(): void {
    const answered = () => {
      if (!this.#isClosed) this.#change({ state: 'up' })
    }
    this.#client.ping().then(answered, (error: unknown) => {
      if (toRedisFault(error).serverCode !== undefined) answered()
      if (this.#isClosed || this.refusal !== 'circuit_open') return
      this.#probeRetry = setTimeout(() => this.#probe(), PROBE_RETRY_MS).unref()
    })
  }

  #change(next: Omit<ConnectionState, 'since'>): void {
    if (next.state === this.#state.state && next.reason === this.#state.reason) return
    const before = this.#state
    this.#state = { ...next, since: new Date() }
    this.#timeoutsInARow = 0
    this.#log(before)
    this.#onStateChange?.(this.#state)
  }

  #log(before: ConnectionState): void {
    const { state, reason } = this.#state
    if (state === 'up') {
      this.#refusalLoggedAtMs.clear()
      const downMs = before.state === 'down' ? { downMs: Date.now() - before.since.getTime() } : {}
      this.#logger?.info(downMs, "connected to the cache's Redis")
    } else if (reason === 'timeout') {
      this.#logger?.warn({ reason }, "the cache's Redis does not answer; going on without it")
    } else if (before.state !== 'down') {
      this.#logger?.warn({ reason, error: this.#lastError }, "no connection to the cache's Redis; going on without it")
    }
  }
}

function stateOf({ status }: Redis | Cluster): Omit<ConnectionState, 'since'> {
  if (status === 'ready') return { state: 'up' }
  return status === 'end' ? { state: 'down', reason: 'connection' } : { state: 'connecting' }
}
