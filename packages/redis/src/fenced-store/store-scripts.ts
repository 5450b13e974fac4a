import type { Ok, Result, StoreOperation } from '@dashtam/cache-protocol'
import type { Commands } from '../commands.ts'
import { type LuaScript, runScript, runScriptForBytes, type ScriptArgument } from '../lua-script.ts'
import type { RedisConnection } from '../redis-connection.ts'

/** Runs the scripts of the store, and knows what all of them are told. */
export class StoreScripts {
  /** Where every change is published, when the server does not tell of changes itself. */
  channel: string | undefined
  readonly #connection: RedisConnection
  readonly #commands: Commands
  readonly #clock: (() => number) | undefined

  constructor(connection: RedisConnection, commands: Commands, clock: (() => number) | undefined) {
    this.#connection = connection
    this.#commands = commands
    this.#clock = clock
  }

  /** The argument `now` of a script. */
  get now(): number | '' {
    return this.#clock?.() ?? ''
  }

  /** The argument `channel` of a script. */
  get target(): string {
    return this.channel ?? ''
  }

  /** @param key - The cache key that the script is about, if it is about one. */
  run<T>(
    operation: StoreOperation,
    key: string | undefined,
    script: LuaScript,
    keysAndArguments: readonly ScriptArgument[],
    toAnswer: (reply: unknown) => Ok<T>
  ): Promise<Result<T>> {
    // Of its own accord only a command on one key joins; a script is as small.
    if (key === undefined) this.#commands.join()
    return this.#commands.run(
      operation,
      key,
      () => runScript(this.#connection.client, script, keysAndArguments),
      toAnswer
    )
  }

  runForBytes<T>(
    operation: StoreOperation,
    key: string,
    script: LuaScript,
    keysAndArguments: readonly ScriptArgument[],
    toAnswer: (reply: unknown) => Ok<T>
  ): Promise<Result<T>> {
    return this.#commands.run(
      operation,
      key,
      () => runScriptForBytes(this.#connection.client, script, keysAndArguments),
      toAnswer
    )
  }
}
