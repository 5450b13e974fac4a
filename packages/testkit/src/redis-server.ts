/** A Redis server of the test's own, to be put through faults. It ends, at the latest, with the test's process. */
export interface RedisServer {
  /** `redis://127.0.0.1:<port>` */
  readonly url: string
  readonly host: string
  readonly port: number
  /** `undefined` while it is stopped, and for a server in a container. */
  readonly pid: number | undefined
  /** Ends it in good order, frozen or not. Its directory stays, for `restart()`. */
  stop(): Promise<void>
  /** Ends it as a crash would (SIGKILL). */
  kill(): Promise<void>
  /** Holds it (SIGSTOP, or the container's `pause`): connections stay open and nothing answers. */
  freeze(): Promise<void>
  /** Lets a frozen server go on. */
  resume(): Promise<void>
  /** Starts it again on the same port, after stopping it when it runs. Its keys are gone: nothing is saved. */
  restart(): Promise<void>
  /**
   * Runs `redis-cli` against it.
   *
   * @returns what it prints, without the last newline. Rejects with the server's error when that is the reply.
   */
  cli(...args: string[]): Promise<string>
  /** Stops it for good. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Where private servers run: as processes, or in containers. */
export interface RedisPlace {
  /** Starts a server on a port of its own. All servers of a place reach each other at 127.0.0.1. */
  start(args: readonly string[]): Promise<RedisServer>
}

/** What every server is started with, wherever it runs. */
export const SERVER_ARGS: readonly string[] = ['--save', '', '--appendonly', 'no']

/** What a server or sentinel prints once it serves. */
export const READY_PATTERN = /Ready to accept connections|Sentinel ID is/
