import type { StartedTestContainer } from 'testcontainers'
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers'
import { withFreePorts } from './free-port.ts'
import type { RedisPlace, RedisServer } from './redis-server.ts'
import { READY_PATTERN, SERVER_ARGS } from './redis-server.ts'
import { until } from './until.ts'

const IMAGE = 'redis:7-alpine'
const HOST = '127.0.0.1'
const STOP_GRACE_SECONDS = 2

/** A sentinel insists on a file that it can write to; the others do not mind one. */
const WITH_CONFIG_FILE = 'touch /tmp/redis.conf && exec redis-server /tmp/redis.conf "$@"'

/**
 * Servers in containers, each of its own, that share the network of one more, which does nothing but publish their
 * ports under the same numbers. So a node of a cluster has one address, 127.0.0.1 and its port, for clients and for
 * the other nodes, and any of them can end without taking the network along.
 */
export async function openContainerPlace(serverCount: number, port: number | undefined): Promise<RedisPlace> {
  const open = async (ports: readonly number[]) => new ContainerPlace(await startNetwork(ports), ports)
  return port === undefined ? withFreePorts(serverCount, open) : open([port])
}

function startNetwork(ports: readonly number[]): Promise<StartedTestContainer> {
  return new GenericContainer(IMAGE)
    .withEntrypoint(['sleep', 'infinity'])
    .withExposedPorts(...ports.map(port => ({ container: port, host: port })))
    .withWaitStrategy(Wait.forSuccessfulCommand('true'))
    .start()
}

class ContainerPlace implements RedisPlace {
  readonly #network: StartedTestContainer
  readonly #unused: number[]
  #inUse = 0

  constructor(network: StartedTestContainer, ports: readonly number[]) {
    this.#network = network
    this.#unused = [...ports]
  }

  async start(args: readonly string[]): Promise<RedisServer> {
    const port = this.#unused.pop()
    if (port === undefined) throw new Error('The place was opened for fewer servers.')
    this.#inUse++
    const listen = ['--port', String(port), '--bind', '0.0.0.0', '--protected-mode', 'no', '--dir', '/tmp']
    const container = await new GenericContainer(IMAGE)
      .withNetworkMode(`container:${this.#network.getId()}`)
      .withEntrypoint(['sh', '-c', WITH_CONFIG_FILE, 'sh'])
      .withCommand([...listen, ...SERVER_ARGS, ...args])
      .withWaitStrategy(Wait.forLogMessage(READY_PATTERN))
      .start()
    return new RedisContainer(container, port, () => this.#leave())
  }

  async #leave(): Promise<void> {
    this.#inUse--
    if (this.#inUse === 0) await this.#network.stop()
  }
}

class RedisContainer implements RedisServer {
  readonly host = HOST
  readonly port: number
  readonly url: string
  readonly pid = undefined
  readonly #container: StartedTestContainer
  readonly #onDisposed: () => Promise<void>

  constructor(container: StartedTestContainer, port: number, onDisposed: () => Promise<void>) {
    this.port = port
    this.url = `redis://${HOST}:${port}`
    this.#container = container
    this.#onDisposed = onDisposed
  }

  async stop(): Promise<void> {
    const container = await this.#thawed()
    if (container) await container.stop({ t: STOP_GRACE_SECONDS })
  }

  async kill(): Promise<void> {
    const container = await this.#thawed()
    if (!container) return
    await container.kill()
    await container.wait()
  }

  async freeze(): Promise<void> {
    await (await this.#handle()).pause()
  }

  async resume(): Promise<void> {
    await (await this.#handle()).unpause()
  }

  async restart(): Promise<void> {
    await this.stop()
    // Not testcontainers' restart(): it misses the line it waits for when that comes at once.
    await (await this.#handle()).start()
    await until('the restarted server answers', () => this.#answers())
  }

  async cli(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#container.exec([
      'redis-cli',
      '-p',
      String(this.port),
      '-e',
      ...args
    ])
    if (exitCode !== 0) throw new Error(`redis-cli failed: ${stderr.trim() || stdout.trim() || exitCode}`)
    return stdout.replace(/\n$/, '')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await (await this.#handle()).remove({ v: true })
    await this.#onDisposed()
  }

  #answers(): Promise<boolean> {
    return this.cli('PING').then(
      () => true,
      (error: Error) => error.message.includes('NOAUTH')
    )
  }

  async #handle() {
    return (await getContainerRuntimeClient()).container.getById(this.#container.getId())
  }

  /** The container, if it runs, and no longer paused: engines end no paused one. */
  async #thawed() {
    const handle = await this.#handle()
    const { State: state } = await handle.inspect()
    if (state.Paused) await handle.unpause()
    return state.Running ? handle : undefined
  }
}
