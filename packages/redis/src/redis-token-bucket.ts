import type {
  CacheError,
  Err,
  Ok,
  Result,
  StoreOperation,
  TokenBucket,
  TokenLimit,
  TokenState
} from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import { problemOfTokens, type TokenTerms, tokenState, tokenTerms } from '@dashtam/cache-protocol/adapter'
import { done, isOne } from './answers.ts'
import { giveTokens, peekTokens, takeTokens } from './generated/lua.ts'
import { type LuaScript, runScript, type ScriptArgument } from './lua-script.ts'
import type { RedisConnection } from './redis-connection.ts'

const STEPS_PER_MICROSECOND = 16

/** Buckets in Redis, each a string under its own key, by the server's clock. */
export class RedisTokenBucket implements TokenBucket {
  readonly #connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  take(key: string, limit: TokenLimit, cost = 1): Promise<Result<TokenState>> {
    const refused = this.#refuses('takeTokens', key, limit, cost)
    if (refused !== undefined) return Promise.resolve(refused)
    const terms = tokenTerms(limit, cost)
    return this.#run('takeTokens', key, takeTokens, [key, terms.costUs, terms.capacityUs], (reply): Ok<TokenState> => {
      const steps = reply as number
      const isAllowed = steps >= 0
      return ok(tokenState(isAllowed, toMicroseconds(isAllowed ? steps : -1 - steps), terms))
    })
  }

  peek(key: string, limit: TokenLimit, cost = 1): Promise<Result<TokenState>> {
    const refused = this.#refuses('peekTokens', key, limit, cost)
    if (refused !== undefined) return Promise.resolve(refused)
    const terms = tokenTerms(limit, cost)
    return this.#run('peekTokens', key, peekTokens, [key, terms.capacityUs], (reply): Ok<TokenState> => {
      const missingUs = toMicroseconds(reply as number)
      return ok(tokenState(isThere(missingUs, terms), missingUs, terms))
    })
  }

  give(key: string, limit: TokenLimit, tokens = 1): Promise<Result<void>> {
    const refused = this.#refuses('giveTokens', key, limit, tokens)
    if (refused !== undefined) return Promise.resolve(refused)
    const { costUs, capacityUs } = tokenTerms(limit, tokens)
    return this.#run('giveTokens', key, giveTokens, [key, costUs, capacityUs], done)
  }

  reset(key: string): Promise<Result<boolean>> {
    const refused = this.#connection.closedFor('resetTokens') ?? this.#connection.guard.key('resetTokens', key)
    if (refused !== undefined) return Promise.resolve(refused)
    return this.#connection.commands.run('resetTokens', key, () => this.#connection.client.unlink(key), isOne)
  }

  #run<T>(
    operation: StoreOperation,
    key: string,
    script: LuaScript,
    keysAndArguments: readonly ScriptArgument[],
    toAnswer: (reply: unknown) => Ok<T>
  ): Promise<Result<T>> {
    const { client, commands } = this.#connection
    return commands.run(operation, key, () => runScript(client, script, keysAndArguments), toAnswer)
  }

  #refuses(operation: StoreOperation, key: string, limit: TokenLimit, cost: number): Err<CacheError> | undefined {
    const { guard } = this.#connection
    const refused = this.#connection.closedFor(operation) ?? guard.key(operation, key)
    if (refused !== undefined) return refused
    const problem = problemOfTokens(limit, cost)
    return problem === undefined ? undefined : guard.invalid(operation, problem)
  }
}

function toMicroseconds(steps: number): number {
  return steps / STEPS_PER_MICROSECOND
}

function isThere(missingUs: number, { costUs, capacityUs }: TokenTerms): boolean {
  return missingUs + costUs <= capacityUs
}
