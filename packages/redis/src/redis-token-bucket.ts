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
import { giveTokens, peekTokens, takeSmallTokens, takeTokens } from './generated/lua.ts'
import { type LuaScript, runScript, type ScriptArgument } from './lua-script.ts'
import type { RedisConnection } from './redis-connection.ts'

/** A double has room for no less beside a time in microseconds. */
const STEP_US = 1 / 16

/** Who takes tokens, and the units that he is told of and answers in. */
const WHOLE = { script: takeTokens, argumentUs: 1_000, replyUs: 1_000 }
const SMALL = { script: takeSmallTokens, argumentUs: 1, replyUs: STEP_US }

/**
 * Buckets in Redis, by the server's clock. A bucket is a key that lives until it is full: to take a token is to prolong its
 * life. Of small tokens the key also says when exactly.
 */
export class RedisTokenBucket implements TokenBucket {
  readonly #connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  take(key: string, limit: TokenLimit, cost = 1): Promise<Result<TokenState>> {
    const refused = this.#refuses('takeTokens', key, limit, cost)
    if (refused !== undefined) return Promise.resolve(refused)
    const terms = tokenTerms(limit, cost)
    const { script, argumentUs, replyUs } = terms.isWhole ? WHOLE : SMALL
    const given = [key, terms.costUs / argumentUs, terms.capacityUs / argumentUs]
    return this.#run('takeTokens', key, script, given, (reply): Ok<TokenState> => {
      const missing = reply as number
      const isAllowed = missing >= 0
      return ok(tokenState(isAllowed, (isAllowed ? missing : -1 - missing) * replyUs, terms))
    })
  }

  peek(key: string, limit: TokenLimit, cost = 1): Promise<Result<TokenState>> {
    const refused = this.#refuses('peekTokens', key, limit, cost)
    if (refused !== undefined) return Promise.resolve(refused)
    const terms = tokenTerms(limit, cost)
    return this.#run('peekTokens', key, peekTokens, [key, terms.capacityUs], (reply): Ok<TokenState> => {
      const missingUs = (reply as number) * STEP_US
      return ok(tokenState(isThere(missingUs, terms), missingUs, terms))
    })
  }

  give(key: string, limit: TokenLimit, tokens = 1): Promise<Result<void>> {
    const refused = this.#refuses('giveTokens', key, limit, tokens)
    if (refused !== undefined) return Promise.resolve(refused)
    const { costUs, capacityUs, isWhole } = tokenTerms(limit, tokens)
    return this.#run('giveTokens', key, giveTokens, [key, costUs, capacityUs, isWhole ? 1 : 0], done)
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

function isThere(missingUs: number, { costUs, capacityUs }: TokenTerms): boolean {
  return missingUs + costUs <= capacityUs
}
