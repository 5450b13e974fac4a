import type { CacheError, CacheOperation, Err, StoreOperation } from '@dashtam/cache-protocol'
import { PortGuard, type PortGuardOptions } from '@dashtam/cache-protocol/adapter'
import type { Cluster, Redis, RedisOptions } from 'ioredis'
import { closeClient } from './close-client.ts'
import { Commands } from './commands.ts'
import { type CacheLogger, ConnectionMonitor, type ConnectionState } from './connection-monitor.ts'
import { ServerWatch } from './server-watch.ts'
import { isCluster } from './topology.ts'
import { WriteBatch } from './write-batch.ts'

export interface RedisConnectionOptions extends PortGuardOptions {
  /**
   * An ioredis client, made by `createRedisClient` or the app's own. A `keyPrefix` is refused: ioredis adds it to keys,
   * but not to patterns, so that `flush` would miss them.
   */
  readonly client: Redis | Cluster
  /** Close `client` with the cache. @defaultValue `false`: whoever made it closes it. */
  readonly closesClient?: boolean
  /**
   * How long an operation may wait for Redis, in milliseconds, at least 1. Of the operations on many keys each command
   * may take this long.
   * @defaultValue 250
   */
  readonly commandTimeoutMs?: number
  /** Told once of each change of state and kind of refusal. Never of a key, a value or a credential. */
  readonly logger?: CacheLogger
  /** Called with each change of state. Must not throw. */
  readonly onStateChange?: (state: ConnectionState) => void
}

const DEFAULT_COMMAND_TIMEOUT_MS = 250

/** One client, and what the port and the fenced store share when they talk over it. */
export class RedisConnection {
  readonly client: Redis | Cluster
  readonly guard: PortGuard
  readonly monitor: ConnectionMonitor
  readonly commands: Commands
  readonly commandTimeoutMs: number
  readonly logger: CacheLogger | undefined
  readonly #batch: WriteBatch
  readonly #closesClient: boolean
  #watched: { readonly watch: ServerWatch; readonly commands: Commands } | undefined
  #closing: Promise<void> | undefined

  /** @throws TypeError when an option is out of its range, or `client` has a `keyPrefix`. */
  constructor({
    client,
    closesClient = false,
    commandTimeoutMs = DEFAULT_COMMAND_TIMEOUT_MS,
    logger,
    onStateChange,
    ...portOptions
  }: RedisConnectionOptions) {
    if (!Number.isSafeInteger(commandTimeoutMs) || commandTimeoutMs < 1) {
      throw new TypeError(`commandTimeoutMs must be an integer of at least 1, got ${String(commandTimeoutMs)}`)
    }
    const { enableOfflineQueue, autoResendUnfulfilledCommands, stringNumbers } = optionsOf(client)
    if (client.options.keyPrefix) throw new TypeError('client must have no keyPrefix; say it as `keyspace`')
    if (stringNumbers) throw new TypeError('client must not have stringNumbers: counts would come back as text')
    this.guard = new PortGuard(portOptions)
    this.client = client
    this.#closesClient = closesClient
    this.commandTimeoutMs = commandTimeoutMs
    this.logger = logger
    this.monitor = new ConnectionMonitor({ client, logger, onStateChange })
    this.#batch = new WriteBatch(client)
    this.commands = new Commands(client, this.guard, this.monitor, this.#batch, commandTimeoutMs)
    if (enableOfflineQueue || autoResendUnfulfilledCommands) {
      logger?.warn(
        { enableOfflineQueue, autoResendUnfulfilledCommands },
        "the cache's Redis client keeps or repeats commands of an outage: they land after it, on newer data"
      )
    }
  }

  /** For who must know whom it talks to: commands that are sent only once the server has said who it is. */
  watched(): { readonly watch: ServerWatch; readonly commands: Commands } {
    if (this.#watched === undefined) {
      const watch = new ServerWatch(this.client, this.monitor, this.logger)
      const commands = new Commands(this.client, this.guard, this.monitor, this.#batch, this.commandTimeoutMs, watch)
      this.#watched = { watch, commands }
    }
    return this.#watched
  }

  get isClosing(): boolean {
    return this.#closing !== undefined
  }

  /** What an operation that begins after `close` is answered. */
  closedFor(operation: CacheOperation | StoreOperation): Err<CacheError> | undefined {
    return this.#closing === undefined ? undefined : this.guard.closed(operation)
  }

  /** Lets what is under way finish; closes the client if it is this connection's own. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([this.commands.close(), this.#watched?.commands.close()])
    this.#watched?.watch.close()
    this.monitor.close()
    if (this.#closesClient) await closeClient(this.client, this.commandTimeoutMs)
  }
}

/** Of a cluster those of its nodes. */
function optionsOf(client: Redis | Cluster): Partial<RedisOptions> {
  return isCluster(client) ? (client.options.redisOptions ?? {}) : client.options
}
