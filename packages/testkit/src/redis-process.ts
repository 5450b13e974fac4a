import { execFile } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { withFreePorts } from './free-port.ts'
import type { OwnedProgram } from './owned-program.ts'
import { startProgram } from './owned-program.ts'
import type { RedisPlace, RedisServer } from './redis-server.ts'
import { READY_PATTERN, SERVER_ARGS } from './redis-server.ts'

const HOST = '127.0.0.1'
const CLI_TIMEOUT_MS = 20_000

/** Servers as processes of this machine, from the `redis-server` at `binary`. */
export function processPlace(binary: string, port: number | undefined): RedisPlace {
  return {
    start: args =>
      port === undefined
        ? withFreePorts(1, ([free = 0]) => RedisProcess.start(binary, free, args))
        : RedisProcess.start(binary, port, args)
  }
}

class RedisProcess implements RedisServer {
  readonly host = HOST
  readonly port: number
  readonly url: string
  readonly #cli: string
  readonly #launch: () => Promise<OwnedProgram>
  #program: OwnedProgram

  private constructor(binary: string, port: number, launch: () => Promise<OwnedProgram>, program: OwnedProgram) {
    this.port = port
    this.url = `redis://${HOST}:${port}`
    this.#cli = join(dirname(binary), 'redis-cli')
    this.#launch = launch
    this.#program = program
  }

  static async start(binary: string, port: number, args: readonly string[]): Promise<RedisProcess> {
    const directory = await mkdtemp(join(tmpdir(), 'dashtam-redis-'))
    // A sentinel insists on a file that it can write to; the others do not mind one.
    const configFile = join(directory, 'redis.conf')
    await writeFile(configFile, '')
    const launch = () =>
      startProgram({
        command: binary,
        args: [configFile, '--port', String(port), '--bind', HOST, '--dir', directory, ...SERVER_ARGS, ...args],
        directory,
        readyPattern: READY_PATTERN,
        endSignal: 'SIGKILL'
      })
    return new RedisProcess(binary, port, launch, await launch())
  }

  get pid(): number | undefined {
    return this.#program.isRunning ? this.#program.pid : undefined
  }

  async stop(): Promise<void> {
    await this.#program.end('SIGTERM')
  }

  async kill(): Promise<void> {
    await this.#program.end('SIGKILL')
  }

  async freeze(): Promise<void> {
    this.#program.signal('SIGSTOP')
  }

  async resume(): Promise<void> {
    this.#program.signal('SIGCONT')
  }

  async restart(): Promise<void> {
    await this.stop()
    const ended = this.#program
    this.#program = await this.#launch()
    ended.release('keep')
  }

  cli(...args: string[]): Promise<string> {
    const options = { timeout: CLI_TIMEOUT_MS, maxBuffer: 256 * 1024 * 1024 }
    return new Promise((resolve, reject) => {
      execFile(this.#cli, ['-h', HOST, '-p', String(this.port), '-e', ...args], options, (error, stdout, stderr) => {
        // Not execFile's own message: it repeats the arguments, passwords included.
        if (error) reject(new Error(`redis-cli failed: ${stderr.trim() || stdout.trim() || 'no answer in time'}`))
        else resolve(stdout.replace(/\n$/, ''))
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    this.#program.release('remove')
  }
}
