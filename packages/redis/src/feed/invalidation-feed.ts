import type { FeedListener, FeedStats, InvalidationFeed } from '@dashtam/cache-protocol'
import { Keyspace } from '@dashtam/cache-protocol/adapter'
import type { Cluster, Redis } from 'ioredis'
import type { CacheLogger } from '../connection-monitor.ts'
import { isCluster } from '../topology.ts'
import { Barrier } from './barrier.ts'
import { ClusterMasters } from './cluster-masters.ts'
import { FeedConnection, type FeedConnectionOwner } from './feed-connection.ts'
import { FeedKeys } from './feed-keys.ts'
import type { LossReason } from './loss-reason.ts'
import { type Master, type Masters, SingleMaster } from './masters.ts'
import type { SubscriptionMode } from './subscribe.ts'

export interface RedisInvalidationFeedOptions {
  /**
   * The client of the store that the feed is about. The feed asks over it which server it leads to, and has it connect
   * anew, every 5 seconds at most, when that is a replica. A `keyPrefix` is refused.
   */
  readonly client: Redis | Cluster
  /** The first segment of every key: 1 to 64 of `A-Z a-z 0-9 _ . -`. */
  readonly keyspace: string
  /**
   * How long the feed is trusted without a sign of life, in milliseconds, an integer of at least 30. It asks for one
   * three times as often.
   * @defaultValue 1000
   */
  readonly heartbeatMs?: number
  /**
   * How long `barrier` may wait, in milliseconds, an integer of at least 1.
   * @defaultValue 250
   */
  readonly barrierTimeoutMs?: number
  /** Told once of each change of state. Never of a key, a value or a credential. */
  readonly logger?: CacheLogger
  /**
   * Called when it is known how the feed hears of changes, before it is trusted. `pubsub`: it hears of what stores
   * publish, so that every store of the fleet has to, as those of `RedisAdapter.readThroughBackend` do. Must not throw.
   * @defaultValue nobody can tell the stores, so `pubsub` is not used
   */
  readonly onModeChange?: (mode: SubscriptionMode) => void
  /** Milliseconds that never go back. @defaultValue `performance.now` */
  readonly clock?: () => number
}

const DEFAULT_HEARTBEAT_MS = 1_000
/** Below it the imprecision of timers alone uses the trust up. */
const LEAST_HEARTBEAT_MS = 30
const DEFAULT_BARRIER_TIMEOUT_MS = 250
const BEATS_PER_HEARTBEAT = 3
const REFUSED = Promise.resolve(false)

const MODES_FROM_WORST = ['none', 'pubsub', 'tracking'] as const
const PROBLEM_OF_MODE: Partial<Record<SubscriptionMode, string>> = {
  pubsub: "the cache's Redis refuses CLIENT TRACKING: only changes that this toolkit publishes are seen",
  none: "the cache's Redis refuses CLIENT TRACKING, and stores cannot publish instead: nothing is kept in memory"
}

/**
 * The feed of a Redis, or of the masters of a cluster: the server itself tells of every change of a slot or generation,
 * whoever made it (`CLIENT TRACKING`), over a connection of the feed's own to each master.
 */
export class RedisInvalidationFeed implements InvalidationFeed {
  /** Read with every hit, hence a plain field. The earliest that holds for any master. */
  trustedUntilMs = Number.NEGATIVE_INFINITY

  readonly #client: Redis | Cluster
  readonly #keys: FeedKeys
  readonly #heartbeatMs: number
  readonly #logger: CacheLogger | undefined
  readonly #onModeChange: ((mode: SubscriptionMode) => void) | undefined
  readonly #clock: () => number
  readonly #barrier: Barrier
  readonly #connections = new Map<string, FeedConnection>()
  readonly #loggedReasons = new Set<LossReason>()
  #owner: FeedConnectionOwner | undefined
  #masters: Masters | undefined
  #beats: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined
  #mode: SubscriptionMode | undefined
  /** Whether no change is missed: every master is known, and tells, be it late. */
  #isWhole = false
  #messages = 0
  #gaps = 0
  #barriers = 0

  /** @throws TypeError when an option is out of its range, or `client` has a `keyPrefix`. */
  constructor({
    client,
    keyspace,
    heartbeatMs = DEFAULT_HEARTBEAT_MS,
    barrierTimeoutMs = DEFAULT_BARRIER_TIMEOUT_MS,
    logger,
    onModeChange,
    clock = () => performance.now(),
    ...unknown
  }: RedisInvalidationFeedOptions) {
    const [misspelt] = Object.keys(unknown)
    if (misspelt !== undefined) throw new TypeError(`unknown option '${misspelt}'`)
    requireInteger('heartbeatMs', heartbeatMs, LEAST_HEARTBEAT_MS)
    requireInteger('barrierTimeoutMs', barrierTimeoutMs, 1)
    if (client.options.keyPrefix) throw new TypeError('client must have no keyPrefix; say it as `keyspace`')
    this.#client = client
    this.#keys = new FeedKeys(new Keyspace(keyspace))
    this.#heartbeatMs = heartbeatMs
    this.#logger = logger
    this.#onModeChange = onModeChange
    this.#clock = clock
    this.#barrier = new Barrier(() => this.#pingAll(), barrierTimeoutMs)
  }

  start(listener: FeedListener): void {
    if (this.#owner !== undefined || this.#closing !== undefined) throw new Error('a feed can be started once')
    this.#owner = {
      keys: this.#keys,
      heartbeatMs: this.#heartbeatMs,
      canPublish: this.#onModeChange !== undefined,
      clock: this.#clock,
      listener,
      onMessage: () => this.#messages++,
      onMode: () => this.#updateMode(),
      onTrust: () => this.#updateTrust(),
      onLoss: (reason, error) => this.#onLoss(reason, error)
    }
    const client = this.#client
    const beat = () => this.#beat()
    this.#masters = isCluster(client) ? new ClusterMasters(client, beat) : new SingleMaster(client, beat)
    this.#beats = setInterval(beat, this.#heartbeatMs / BEATS_PER_HEARTBEAT).unref()
    beat()
  }

  /**
   * Which key and generations are meant makes no difference: every master is asked. Who owns a slot is only what this
   * process believes, and while slots move another master may have acknowledged a change already.
   */
  barrier(): Promise<boolean> {
    this.#barriers++
    return this.#clock() < this.trustedUntilMs ? this.#barrier.join() : REFUSED
  }

  stats(): FeedStats {
    const lags = this.#all().flatMap(({ lagMs }) => lagMs ?? [])
    return {
      mode: this.#mode ?? 'none',
      isTrusted: this.#clock() < this.trustedUntilMs,
      messages: this.#messages,
      gaps: this.#gaps,
      barriers: this.#barriers,
      lagMs: lags.length === 0 ? undefined : Math.max(...lags)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#isWhole = false
    this.trustedUntilMs = Number.NEGATIVE_INFINITY
    clearInterval(this.#beats)
    this.#masters?.close()
    await Promise.all(this.#all().map(connection => connection.close()))
  }

  #all(): FeedConnection[] {
    return [...this.#connections.values()]
  }

  /** Follows the masters that there are now, and asks each for a sign of life. */
  #beat(): void {
    const masters = this.#masters?.list()
    if (masters !== undefined) this.#follow(masters)
    for (const connection of this.#connections.values()) connection.beat()
  }

  #follow(masters: readonly Master[]): void {
    if (this.#owner === undefined) return
    const addresses = new Set(masters.map(({ address }) => address))
    for (const [address, connection] of this.#connections) {
      if (addresses.has(address)) continue
      // What it was about to tell is lost with it.
      this.#endTrust()
      this.#connections.delete(address)
      void connection.close()
    }
    for (const master of masters) {
      if (this.#connections.has(master.address)) continue
      this.#endTrust()
      this.#connections.set(master.address, new FeedConnection(master, this.#owner))
    }
    this.#updateTrust()
  }

  #updateTrust(): void {
    let untilMs = Number.POSITIVE_INFINITY
    for (const { isProven, trustedUntilMs } of this.#connections.values()) {
      if (!isProven) return
      untilMs = Math.min(untilMs, trustedUntilMs)
    }
    if (this.#connections.size === 0) return
    if (!this.#isWhole) this.#beginTrust()
    this.trustedUntilMs = untilMs
  }

  #beginTrust(): void {
    this.#isWhole = true
    this.#loggedReasons.clear()
    this.#logger?.info({ mode: this.#mode }, "hearing of every change in the cache's Redis")
    // Before the trust: what is in memory may have changed while nobody told.
    this.#owner?.listener.everythingChanged()
  }

  #endTrust(): void {
    this.trustedUntilMs = Number.NEGATIVE_INFINITY
    if (!this.#isWhole) return
    this.#isWhole = false
    this.#gaps++
    this.#owner?.listener.everythingChanged()
  }

  #onLoss(reason: LossReason, error: string | undefined): void {
    this.#endTrust()
    this.#masters?.suspect(reason)
    if (this.#loggedReasons.has(reason)) return
    this.#loggedReasons.add(reason)
    this.#logger?.warn(
      { reason, error },
      "not hearing of changes in the cache's Redis; what is in memory is not trusted"
    )
  }

  /** The worst of the known ones: where one master needs the stores to publish, they publish everywhere. */
  #updateMode(): void {
    const modes = new Set(this.#all().map(({ mode }) => mode))
    const mode = MODES_FROM_WORST.find(each => modes.has(each))
    if (mode === undefined || mode === this.#mode) return
    this.#mode = mode
    this.#onModeChange?.(mode)
    const problem = PROBLEM_OF_MODE[mode]
    if (problem !== undefined) this.#logger?.warn({ mode }, problem)
  }

  async #pingAll(): Promise<boolean> {
    const gaps = this.#gaps
    const answers = await Promise.all(this.#all().map(connection => connection.ping()))
    return answers.every(isAnswered => isAnswered) && this.#isWhole && gaps === this.#gaps
  }
}

function requireInteger(option: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new TypeError(`${option} must be an integer of at least ${least}, got ${String(value)}`)
  }
}
