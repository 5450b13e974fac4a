import type { CacheError, Err, MemberIndex, Ok, Result, StoreOperation } from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import { problemOfMember } from '@dashtam/cache-protocol/adapter'
import { done } from './answers.ts'
import { addMember, clearMembers, readMembers, removeMembers } from './generated/lua.ts'
import { type LuaScript, runScript, type ScriptArgument } from './lua-script.ts'
import type { RedisConnection } from './redis-connection.ts'
import { BATCH_SIZE } from './topology.ts'

/** Members in Redis, each owner a sorted set under its own key, by the server's clock. */
export class RedisMemberIndex implements MemberIndex {
  readonly #connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  async add(owner: string, member: string, ttlSeconds: number): Promise<Result<void>> {
    const refused = this.#refuses('addMember', owner, [member])
    if (refused !== undefined) return refused
    const ttlMs = this.#connection.guard.explicitTtlMs('addMember', ttlSeconds)
    if (!ttlMs.ok) return ttlMs
    return this.#run('addMember', owner, addMember, [member, ttlMs.value === Infinity ? 'inf' : ttlMs.value], done)
  }

  async remove(owner: string, members: Iterable<string>): Promise<Result<number>> {
    const all = [...new Set(members)]
    const refused = this.#refuses('removeMembers', owner, all)
    if (refused !== undefined) return refused
    let removed = 0
    // More arguments than this do not fit on the stack of a script.
    for (let start = 0; start < all.length; start += BATCH_SIZE) {
      const some = all.slice(start, start + BATCH_SIZE)
      const result = await this.#run('removeMembers', owner, removeMembers, some, toCount)
      if (!result.ok) return result
      removed += result.value
    }
    return ok(removed)
  }

  async members(owner: string): Promise<Result<readonly string[]>> {
    const refused = this.#refuses('readMembers', owner, [])
    if (refused !== undefined) return refused
    return this.#run('readMembers', owner, readMembers, [], reply => ok(reply as string[]))
  }

  async clear(owner: string): Promise<Result<number>> {
    const refused = this.#refuses('clearMembers', owner, [])
    if (refused !== undefined) return refused
    return this.#run('clearMembers', owner, clearMembers, [], toCount)
  }

  #run<T>(
    operation: StoreOperation,
    owner: string,
    script: LuaScript,
    given: readonly ScriptArgument[],
    toAnswer: (reply: unknown) => Ok<T>
  ): Promise<Result<T>> {
    const { client, commands } = this.#connection
    return commands.run(operation, owner, () => runScript(client, script, [owner, ...given]), toAnswer)
  }

  #refuses(operation: StoreOperation, owner: string, members: readonly string[]): Err<CacheError> | undefined {
    const { guard } = this.#connection
    const refused = this.#connection.closedFor(operation) ?? guard.key(operation, owner)
    if (refused !== undefined) return refused
    const problem = members.map(problemOfMember).find(Boolean)
    return problem === undefined ? undefined : guard.invalid(operation, problem)
  }
}

function toCount(reply: unknown): Ok<number> {
  return ok(reply as number)
}
