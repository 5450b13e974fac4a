import type { CacheError, Err, Generation, Ok, Result, StoreOperation } from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import { type FencedArguments, problemOfFencedArguments } from '@dashtam/cache-protocol/adapter'
import { DONE, done, isOne } from '../answers.ts'
import {
  beginGenerationWrite,
  bumpGeneration,
  bumpGenerationOnce,
  endGenerationWrite,
  readGeneration,
  renewGenerationWrite
} from '../generated/lua.ts'
import type { RedisConnection } from '../redis-connection.ts'
import { each } from './each.ts'
import type { StoreScripts } from './store-scripts.ts'

/** The generations: `<keyspace>:~g:<name>`, each in one string that lua/shared/generation.lua describes. */
export class Generations {
  readonly #connection: RedisConnection
  readonly #scripts: StoreScripts
  readonly #prefix: string
  readonly #createId: () => string

  constructor(connection: RedisConnection, scripts: StoreScripts, prefix: string, createId: () => string) {
    this.#connection = connection
    this.#scripts = scripts
    this.#prefix = prefix
    this.#createId = createId
  }

  async read(names: readonly string[]): Promise<Result<readonly Generation[]>> {
    const refused = this.#refuses('readGenerations', { names })
    if (refused !== undefined) return refused
    const { now, target } = this.#scripts
    return each(names, name => {
      const given = [this.#keyOf(name), this.#createId(), now, target]
      return this.#scripts.run('readGenerations', undefined, readGeneration, given, toGeneration)
    })
  }

  async bump(names: readonly string[]): Promise<Result<void>> {
    const refused = this.#refuses('bump', { names })
    if (refused !== undefined) return refused
    const { now, target } = this.#scripts
    const bumped = await each(names, name => {
      const given = [this.#keyOf(name), this.#createId(), now, target]
      return this.#scripts.run('bump', undefined, bumpGeneration, given, done)
    })
    return bumped.ok ? DONE : bumped
  }

  async beginWrite(names: readonly string[], token: string, durationMs: number): Promise<Result<void>> {
    const refused = this.#refuses('bump', { names, token, durationMs })
    if (refused !== undefined) return refused
    const { now, target } = this.#scripts
    const begun = await each(names, name => {
      const given = [this.#keyOf(name), token, durationMs, this.#createId(), now, target]
      return this.#scripts.run('bump', undefined, beginGenerationWrite, given, done)
    })
    return begun.ok ? DONE : begun
  }

  async renewWrite(names: readonly string[], token: string, durationMs: number): Promise<Result<boolean>> {
    const refused = this.#refuses('bump', { names, token, durationMs })
    if (refused !== undefined) return refused
    const { now } = this.#scripts
    const renewed = await each(names, name => {
      const given = [this.#keyOf(name), token, durationMs, now]
      return this.#scripts.run('bump', undefined, renewGenerationWrite, given, isOne)
    })
    return renewed.ok ? ok(renewed.value.every(isRenewed => isRenewed)) : renewed
  }

  async endWrite(names: readonly string[], token: string): Promise<Result<void>> {
    const refused = this.#refuses('bump', { names, token })
    if (refused !== undefined) return refused
    const { now, target } = this.#scripts
    const ended = await each(names, name => {
      const given = [this.#keyOf(name), token, this.#createId(), now, target]
      return this.#scripts.run('bump', undefined, endGenerationWrite, given, done)
    })
    return ended.ok ? DONE : ended
  }

  async bumpOnce(name: string, occasion: string, continues: string | undefined): Promise<Result<boolean>> {
    const occasions = continues === undefined ? [occasion] : [occasion, continues]
    const refused = this.#refuses('bump', { names: [name], occasions })
    if (refused !== undefined) return refused
    const { now, target } = this.#scripts
    const given = [this.#keyOf(name), occasion, continues ?? '', this.#createId(), now, target]
    return this.#scripts.run('bump', undefined, bumpGenerationOnce, given, isOne)
  }

  #keyOf(name: string): string {
    return this.#prefix + name
  }

  #refuses(operation: StoreOperation, given: FencedArguments): Err<CacheError> | undefined {
    const closed = this.#connection.closedFor(operation)
    if (closed !== undefined) return closed
    const problem = problemOfFencedArguments(given)
    return problem === undefined ? undefined : this.#connection.guard.invalid(operation, problem)
  }
}

function toGeneration(reply: unknown): Ok<Generation> {
  const text = String(reply)
  return ok({ id: text.slice(1), isPending: text.startsWith('P') })
}
