import type { ServerChange } from '@dashtam/cache-protocol'
import type { Cluster, Redis } from 'ioredis'
import type { Gate } from './commands.ts'
import type { CacheLogger, ConnectionMonitor } from './connection-monitor.ts'
import { toRedisFault } from './redis-fault.ts'
import { parseServerInfo, ServerHistory } from './server-history.ts'
import { isCluster, mastersOf } from './topology.ts'

/**
 * So often every master is asked who it is, besides at the begin of each connection: a server can be demoted without
 * hanging up, and the last answer of a master tells later whether its successor was up at the time.
 */
const ASK_INTERVAL_MS = 1_000

/**
 * Knows which server is behind the client, and that it is a master. Until a new connection has said so it lets no command
 * through, so that no answer of another server reaches anybody before the listeners know.
 *
 * In a cluster it waits for all masters once, at the beginning. Later a new master is asked in front of the commands
 * that are sent to it, but for a replica that is connected already: its first answers may come before.
 */
export class ServerWatch implements Gate {
  readonly #client: Redis | Cluster
  readonly #monitor: ConnectionMonitor
  readonly #logger: CacheLogger | undefined
  readonly #history = new ServerHistory()
  readonly #listeners: ((change: ServerChange) => void)[] = []
  readonly #asked = new Set<Redis>()
  readonly #timer: NodeJS.Timeout
  #isKnown = false
  #isReplica = false
  #opening: PromiseWithResolvers<void> | undefined = Promise.withResolvers()

  constructor(client: Redis | Cluster, monitor: ConnectionMonitor, logger: CacheLogger | undefined) {
    this.#client = client
    this.#monitor = monitor
    this.#logger = logger
    // First of all listeners, so that the question is the first thing sent.
    client.prependListener('ready', this.#onReady)
    client.on('close', this.#onClose)
    if (isCluster(client)) client.on('+node', this.#onNode).on('refresh', this.#onTick)
    this.#timer = setInterval(this.#onTick, ASK_INTERVAL_MS).unref()
    if (client.status === 'ready') this.#onReady()
  }

  get refusal(): Gate['refusal'] {
    return this.#monitor.refusal ?? (this.#isKnown || this.#opening !== undefined ? undefined : 'connection')
  }

  get opening(): Promise<void> | undefined {
    return this.#opening?.promise
  }

  /** Whether commands are let through. */
  get isThrough(): boolean {
    return this.#isKnown && this.#monitor.refusal === undefined
  }

  onChange(listener: (change: ServerChange) => void): void {
    this.#listeners.push(listener)
    if (this.#history.lastChange !== undefined) listener(this.#history.lastChange)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#client.off('ready', this.#onReady)
    this.#client.off('close', this.#onClose)
    this.#client.off('+node', this.#onNode)
    this.#client.off('refresh', this.#onTick)
    this.#isKnown = false
    this.#endOpening()
  }

  readonly #onReady = (): void => {
    for (const master of mastersOf(this.#client)) this.#ask(master)
  }

  /** Not at the start of a cluster: ioredis gives up when it finds the node of its choice half connected. */
  readonly #onNode = (node: Redis): void => {
    if (this.#client.status === 'ready' && !node.options.readOnly) this.#ask(node)
  }

  readonly #onClose = (): void => {
    this.#isKnown = false
    this.#endOpening()
  }

  readonly #onTick = (): void => {
    if (this.#client.status !== 'ready') return
    this.#onReady()
    // A shard that does not answer must not keep the others waiting for ever.
    if (isCluster(this.#client)) this.#know()
  }

  #ask(server: Redis): void {
    if (this.#asked.has(server)) return
    this.#asked.add(server)
    const askedMs = performance.now()
    server.info('server', 'replication').then(
      text => {
        this.#asked.delete(server)
        this.#hear(server, text, askedMs)
      },
      (error: unknown) => {
        this.#asked.delete(server)
        this.#refused(error)
      }
    )
  }

  #hear(server: Redis, text: string, askedMs: number): void {
    const info = parseServerInfo(text)
    if (info?.isMaster) {
      const place = isCluster(this.#client) ? `${server.options.host}:${server.options.port}` : ''
      const change = this.#history.meet(place, info, askedMs, performance.now())
      if (change !== undefined) this.#tell(change)
    }
    if (!isCluster(this.#client)) this.#judge(info?.isMaster === true)
    else if (this.#asked.size === 0 && this.#client.status === 'ready') this.#know()
  }

  #judge(isMaster: boolean): void {
    if (isMaster) this.#know()
    else this.#isKnown = false
    this.#endOpening()
    if (this.#isReplica === !isMaster) return
    this.#isReplica = !isMaster
    if (this.#isReplica) this.#logger?.warn({}, "the cache's Redis is not a master; going on without it")
    else this.#logger?.info({}, "the cache's Redis is a master again")
  }

  #know(): void {
    this.#isKnown = true
    this.#history.endBeginning()
    this.#endOpening()
  }

  /** A server that does not say who it is may have lost what it has acknowledged, so it is not used. */
  #refused(error: unknown): void {
    const fault = toRedisFault(error)
    if (fault.serverCode === undefined) return
    this.#monitor.refused(fault)
    if (!isCluster(this.#client)) this.#onClose()
  }

  #endOpening(): void {
    this.#opening?.resolve()
    this.#opening = undefined
  }

  #tell(change: ServerChange): void {
    if (change.kind !== 'connected') {
      this.#logger?.warn({ kind: change.kind }, "another server is the cache's Redis now, or it has been restarted")
    }
    for (const listener of this.#listeners) listener(change)
  }
}
