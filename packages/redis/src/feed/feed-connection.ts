import type { FeedListener } from '@dashtam/cache-protocol'
import type { Redis, RedisOptions } from 'ioredis'
import { closeClient } from '../close-client.ts'
import { invalidateSlot } from '../generated/lua.ts'
import { runScript } from '../lua-script.ts'
import { toRedisFault } from '../redis-fault.ts'
import { parseServerInfo, type ServerInfo } from '../server-history.ts'
import type { FeedKeys } from './feed-keys.ts'
import type { LossReason } from './loss-reason.ts'
import type { Master } from './masters.ts'
import { isRefusal, type SubscriptionMode, subscribe } from './subscribe.ts'

/** Whom a connection reports to. */
export interface FeedConnectionOwner {
  readonly keys: FeedKeys
  readonly heartbeatMs: number
  /** Whether stores publish their changes when the mode says that they must. */
  readonly canPublish: boolean
  readonly clock: () => number
  /** Told of the changes. */
  readonly listener: FeedListener
  onMessage(): void
  onMode(): void
  /** `trustedUntilMs` has moved. */
  onTrust(): void
  /** Changes may be missed from now on. Also called for each attempt to reconnect that fails. */
  onLoss(reason: LossReason, error: string | undefined): void
}

/** So long without a word, though it was asked, and the connection is made anew. */
const SILENT_HEARTBEATS = 5
/** So many changes that nobody tells, a beat apart, and the connection is made anew. */
const PROBES = 3
const LONGEST_RETRY_MS = 1_000
/** A frozen server does not hang up either; then its socket is destroyed after this long. */
const HANG_UP_MS = 250

/**
 * The connection over which one master tells of changes. It is trusted once three things are known: that it leads to the
 * server to which commands go, that this server is a master, and that it does tell.
 *
 * Trust lasts for a heartbeat from the departure of the last question that was answered: what changed without being told
 * has changed after it. Answers that come too late are a pause of the trust and no gap: a connection keeps its order, so
 * that by the time of a PONG all is told that had changed before the PING was executed, however long it took. Only a
 * connection that ended, or one to the wrong server, misses anything.
 */
export class FeedConnection {
  readonly #master: Master
  readonly #owner: FeedConnectionOwner
  readonly #redis: Redis
  /** Another one as soon as anything may have been missed: answers to the questions of an earlier one do not count. */
  #session = 0
  #failures = 0
  #runId: string | undefined
  #isSubscribed = false
  #isChecking = false
  #isHangingUp = false
  #isClosed = false
  #probe: string | undefined
  #probesSent = 0
  #pingDepartedMs = Number.NEGATIVE_INFINITY
  #checkDepartedMs = Number.NEGATIVE_INFINITY
  #lastError: string | undefined

  /** Whether every change is told, late or in time. */
  isProven = false
  trustedUntilMs = Number.NEGATIVE_INFINITY
  /** The last one known. */
  mode: SubscriptionMode | undefined
  lagMs: number | undefined

  constructor(master: Master, owner: FeedConnectionOwner) {
    this.#master = master
    this.#owner = owner
    this.#redis = master.open(this.#options())
    this.#redis.on('ready', this.#onReady)
    this.#redis.on('close', this.#onClose)
    this.#redis.on('error', this.#onError)
    this.#redis.on('messageBuffer', this.#onMessage)
  }

  /**
   * @returns whether everything has been told that was acknowledged before the call. Never rejects.
   */
  ping(): Promise<boolean> {
    const session = this.#session
    const departedMs = this.#owner.clock()
    return this.#redis.ping().then(
      () => this.#onPong(session, departedMs),
      (error: unknown) => {
        // A server that is BUSY with a script has not told yet what it has acknowledged before: an answer, but no PONG.
        // Anything else means that the socket has ended, some time before ioredis says so.
        if (session === this.#session && toRedisFault(error).serverCode === undefined) this.#fail('connection', error)
        return false
      }
    )
  }

  /** Asks for signs of life. To be called three times per heartbeat. */
  beat(): void {
    if (!this.#isSubscribed) return
    const departedMs = this.#owner.clock()
    void this.ping().then(isAnswered => {
      if (isAnswered) this.lagMs = this.#owner.clock() - departedMs
    })
    this.#check()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#reset()
    await closeClient(this.#redis, HANG_UP_MS)
  }

  #options() {
    return {
      protocol: 2,
      replyMapping: 'legacy',
      // It would bring the channel back, and not the tracking.
      autoResubscribe: false,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      enableAutoPipelining: false,
      lazyConnect: false,
      readOnly: false,
      reconnectOnError: null,
      connectionName: this.#owner.keys.channel,
      disconnectTimeout: HANG_UP_MS,
      socketTimeout: SILENT_HEARTBEATS * this.#owner.heartbeatMs,
      retryStrategy: () => retryDelayMs(++this.#failures)
    } satisfies RedisOptions & { replyMapping: 'legacy' }
  }

  readonly #onReady = (): void => {
    const session = this.#session
    this.#subscribe(session).catch((error: unknown) => {
      if (session === this.#session) this.#fail('connection', error)
    })
  }

  async #subscribe(session: number): Promise<void> {
    // First, since a connection that is subscribed may send nothing but PING.
    const { runId } = await whoIs(this.#redis)
    const mode = await subscribe(this.#redis, this.#owner.keys, this.#owner.canPublish)
    if (session !== this.#session) return
    this.#runId = runId
    this.#isSubscribed = mode !== 'none'
    this.#setMode(mode)
    this.beat()
  }

  /**
   * Asks the server that commands go to who it is. A demoted master goes on answering PING, and tells late, or never, of
   * what the new one is told to change.
   */
  #check(): void {
    const data = this.#master.data()
    if (data === undefined || this.#isChecking) return
    this.#isChecking = true
    const session = this.#session
    const departedMs = this.#owner.clock()
    whoIs(data).then(
      info => {
        this.#isChecking = false
        if (session === this.#session) this.#onInfo(info, departedMs, data)
      },
      () => {
        this.#isChecking = false
      }
    )
  }

  #onInfo({ runId, isMaster }: ServerInfo, departedMs: number, data: Redis): void {
    if (!isMaster) {
      this.#fail('replica')
    } else if (runId !== this.#runId) {
      this.#fail('other_server')
    } else {
      this.#checkDepartedMs = departedMs
      if (this.isProven) this.#updateTrust()
      else this.#prove(data)
    }
  }

  /** Changes something that must be told of: that the server does tell is not to be assumed. */
  #prove(data: Redis): void {
    if (this.#probesSent++ === PROBES) {
      this.#fail('unproven')
      return
    }
    const hashTag = this.#master.hashTag()
    if (hashTag === undefined) return
    this.#probe ??= this.#owner.keys.createProbe(hashTag)
    const session = this.#session
    const channel = this.mode === 'pubsub' ? this.#owner.keys.channel : ''
    // What is done to a slot that is absent, as this one is, is told all the same, also when the server is out of memory.
    runScript(data, invalidateSlot, [this.#probe, '', '', '', channel]).catch((error: unknown) => {
      this.#lastError = toRedisFault(error).cause.message
      if (session !== this.#session || channel === '' || !isRefusal(error)) return
      this.#isSubscribed = false
      this.#setMode('none')
    })
  }

  /** `null` stands for every key, an array for those that it holds, and a single one was published by a store. */
  readonly #onMessage = (_channel: unknown, changed: readonly Buffer[] | Buffer | null): void => {
    if (this.#isClosed) return
    this.#owner.onMessage()
    if (changed === null) this.#owner.listener.everythingChanged()
    else if (Buffer.isBuffer(changed)) this.#tell(changed.toString())
    else for (const key of changed) this.#tell(key.toString())
  }

  #tell(key: string): void {
    if (key === this.#probe) this.#onProof()
    else this.#owner.keys.tell(key, this.#owner.listener)
  }

  #onProof(): void {
    this.#probe = undefined
    this.#failures = 0
    this.#lastError = undefined
    this.isProven = true
    this.#updateTrust()
  }

  #onPong(session: number, departedMs: number): boolean {
    if (session !== this.#session) return false
    this.#pingDepartedMs = departedMs
    if (this.isProven) this.#updateTrust()
    return this.isProven
  }

  #updateTrust(): void {
    this.trustedUntilMs = Math.min(this.#pingDepartedMs, this.#checkDepartedMs) + this.#owner.heartbeatMs
    this.#owner.onTrust()
  }

  #setMode(mode: SubscriptionMode): void {
    this.mode = mode
    this.#owner.onMode()
  }

  readonly #onClose = (): void => {
    // The reason for hanging up has been told.
    if (!this.#isHangingUp) this.#lose('connection')
    this.#isHangingUp = false
  }

  readonly #onError = (error: unknown): void => {
    this.#lastError = toRedisFault(error).cause.message
    // A reply that ioredis cannot match to a command does not end the connection by itself.
    if (this.#isSubscribed) this.#fail('connection')
  }

  /** Has the connection made anew. */
  #fail(reason: LossReason, error?: unknown): void {
    if (error !== undefined) this.#lastError = toRedisFault(error).cause.message
    this.#lose(reason)
    if (this.#isClosed) return
    // In another state it is being made anew already, and ioredis would end the client for good.
    if (this.#redis.status !== 'ready') return
    this.#isHangingUp = true
    this.#redis.disconnect(true)
  }

  #lose(reason: LossReason): void {
    if (this.#isClosed) return
    this.#reset()
    this.#owner.onLoss(reason, this.#lastError)
  }

  #reset(): void {
    this.#session++
    this.#isSubscribed = false
    this.#probe = undefined
    this.#probesSent = 0
    this.#pingDepartedMs = Number.NEGATIVE_INFINITY
    this.#checkDepartedMs = Number.NEGATIVE_INFINITY
    this.isProven = false
    this.trustedUntilMs = Number.NEGATIVE_INFINITY
  }
}

async function whoIs(redis: Redis): Promise<ServerInfo> {
  const info = parseServerInfo(await redis.info('server', 'replication'))
  if (info === undefined) throw new Error('the server does not say who it is')
  return info
}

/** 50 ms doubling to a second, with jitter so that a fleet does not come back as one. Never gives up. */
function retryDelayMs(attempt: number): number {
  const backoffMs = Math.min(LONGEST_RETRY_MS, 50 * 2 ** Math.min(attempt - 1, 10))
  return Math.round(backoffMs * (0.75 + Math.random() / 4))
}
