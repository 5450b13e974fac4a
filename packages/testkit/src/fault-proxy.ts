import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { withFreePorts } from './free-port.ts'
import { RelayedStream, type StreamFaults } from './relayed-stream.ts'
import { seededRandom } from './seeded-random.ts'

const HOST = '127.0.0.1'
const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'redis:': '6379', 'postgres:': '5432', 'postgresql:': '5432' }

export interface FaultProxyOptions {
  /** What the delays are drawn from, an integer. @defaultValue another one each time */
  readonly seed?: number
}

/** One of the two ways that bytes go, on all connections of a proxy. */
export interface ProxyDirection {
  /**
   * Holds every chunk back for a time between `minMs` (0) and `maxMs`, each for another one, without changing the order
   * of the bytes: a chunk never overtakes the one before it. `delay({ maxMs: 0 })` ends it.
   */
  delay(range: { readonly minMs?: number; readonly maxMs: number }): void
  /** Passes nothing on. Connections stay open, and what is sent is kept, or left to the sender. */
  freeze(): void
  /** Ends `freeze()`: what has been kept goes on at once, on every connection. */
  resume(): void
  /** How many bytes have been passed on. */
  readonly bytes: number
}

/** A TCP relay between a test and a server, with a network's faults at will. */
export interface FaultProxy {
  /** The server's URL, with the proxy's host and port. */
  readonly url: string
  readonly host: string
  readonly port: number
  readonly toServer: ProxyDirection
  readonly toClient: ProxyDirection
  /** How many connections are open. */
  readonly connections: number
  /** Has connections that are made from now on lead to the server at `url`. Those that are open stay. */
  redirect(url: string): void
  /** Destroys all connections, and what they hold back. New ones are let in. */
  cut(): void
  /** Refuses new connections, as if nobody listened. Those that are open stay. */
  refuse(): void
  /** Ends `refuse()`. */
  accept(): Promise<void>
  /** Refuses and cuts. */
  stop(): void
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts a proxy on a port of 127.0.0.1 that passes everything on to the server at `url` and back. It stands for the
 * network: it delays, holds and cuts, but neither loses nor reorders bytes within a connection.
 */
export async function startFaultProxy(url: string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const { seed = randomInt(2 ** 31) } = options
  if (!Number.isSafeInteger(seed)) throw new TypeError(`seed is ${seed}, expected an integer`)
  const proxy = new Relay(url, seed)
  await withFreePorts(1, async ([free = 0]) => proxy.listen(free))
  return proxy
}

interface Target {
  readonly host: string
  readonly port: number
}

function targetOf({ hostname, port: given, protocol }: URL): Target {
  const port = Number(given || DEFAULT_PORTS[protocol])
  if (!(port > 0)) throw new TypeError(`url has no port, and none is usual for ${protocol}`)
  // Brackets around an IPv6 address belong to the URL.
  return { host: hostname.replace(/^\[|\]$/g, ''), port }
}

class Direction implements ProxyDirection, StreamFaults {
  readonly streams = new Set<RelayedStream>()
  readonly #random: () => number
  #minMs = 0
  #maxMs = 0
  isFrozen = false
  bytes = 0

  constructor(random: () => number) {
    this.#random = random
  }

  delay({ minMs = 0, maxMs }: { readonly minMs?: number; readonly maxMs: number }): void {
    if (!(minMs >= 0 && maxMs >= minMs && maxMs < Infinity)) {
      throw new TypeError(`minMs is ${minMs} and maxMs ${maxMs}, expected 0 or more, and maxMs not below minMs`)
    }
    this.#minMs = minMs
    this.#maxMs = maxMs
  }

  freeze(): void {
    this.isFrozen = true
    for (const stream of this.streams) stream.update()
  }

  resume(): void {
    this.isFrozen = false
    for (const stream of this.streams) stream.update()
  }

  drawDelayMs(): number {
    return this.#maxMs === 0 ? 0 : this.#minMs + this.#random() * (this.#maxMs - this.#minMs)
  }

  count(bytes: number): void {
    this.bytes += bytes
  }
}

class Relay implements FaultProxy {
  readonly host = HOST
  readonly toServer: Direction
  readonly toClient: Direction
  readonly #url: URL
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #target: Target

  constructor(url: string, seed: number) {
    const random = seededRandom(seed)
    this.toServer = new Direction(random)
    this.toClient = new Direction(random)
    this.#url = new URL(url)
    this.#target = targetOf(this.#url)
    // Half-open: the end of one way travels like its bytes, while the other way goes on.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, socket => this.#join(socket))
  }

  get url(): string {
    return this.#url.href
  }

  get port(): number {
    return Number(this.#url.port)
  }

  get connections(): number {
    return this.toServer.streams.size
  }

  async listen(port: number): Promise<void> {
    await once(this.#server.listen(port, HOST), 'listening')
    this.#url.host = `${HOST}:${port}`
  }

  redirect(url: string): void {
    this.#target = targetOf(new URL(url))
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  refuse(): void {
    // Its 'close' comes only when the last connection has ended, but nobody listens from now on.
    if (this.#server.listening) this.#server.close()
  }

  async accept(): Promise<void> {
    if (!this.#server.listening) await this.listen(this.port)
  }

  stop(): void {
    this.refuse()
    this.cut()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop()
  }

  #join(client: Socket): void {
    const server = connect({ ...this.#target, allowHalfOpen: true, noDelay: true })
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.on('error', () => undefined) // 'close' follows, and is passed on
      socket.on('close', () => this.#sockets.delete(socket))
    }
    relay(client, server, this.toServer)
    relay(server, client, this.toClient)
  }
}

function relay(from: Socket, to: Socket, direction: Direction): void {
  const stream = new RelayedStream(from, to, direction)
  direction.streams.add(stream)
  // Not when its sender is gone: what it has said may still be on its way.
  to.on('close', () => direction.streams.delete(stream))
}
