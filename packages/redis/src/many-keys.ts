import type { CacheError, CacheOperation, Err, Result } from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import type { Keyspace } from '@dashtam/cache-protocol/adapter'
import type { Cluster, Redis } from 'ioredis'
import type { Commands } from './commands.ts'
import { BATCH_SIZE, batchesOf, mastersOf } from './topology.ts'

type Entry = readonly [key: string, value: string]

/** The operations on many keys: split into commands that the server may be sent, and their answers joined again. */
export class ManyKeys {
  readonly #client: Redis | Cluster
  readonly #commands: Commands
  readonly #keyspace: Keyspace

  constructor(client: Redis | Cluster, commands: Commands, keyspace: Keyspace) {
    this.#client = client
    this.#commands = commands
    this.#keyspace = keyspace
  }

  async read(keys: readonly string[]): Promise<Result<Map<string, string | undefined>>> {
    const found = new Map<string, string | undefined>()
    const batches = batchesOf(this.#client, keys, itself)
    // Answers come back batch by batch; the order of the Map is that of the question.
    if (batches.length > 1) for (const key of keys) found.set(key, undefined)
    const failures = await Promise.all(batches.map(batch => this.#readBatch(batch, found)))
    return failures.find(failure => failure !== undefined) ?? ok(found)
  }

  /** Answers how many are stored; a failure says it in its details. */
  async write(entries: readonly Entry[], ttlMs: number): Promise<Result<number>> {
    const batches = batchesOf(this.#client, entries, keyOf)
    const written = await Promise.all(batches.map(batch => this.#writeBatch(batch, ttlMs)))
    const stored = written.reduce((sum, batch) => sum + batch.stored, 0)
    const failed = written.find(batch => batch.failure !== undefined)?.failure
    return failed === undefined ? ok(stored) : withDetails(failed, { stored })
  }

  /** Reads into `found`; answers the failure, if there was one. */
  async #readBatch(
    keys: readonly string[],
    found: Map<string, string | undefined>
  ): Promise<Err<CacheError> | undefined> {
    const values = await this.#commands.run('getMany', undefined, () => this.#client.mget(keys as string[]))
    if (!values.ok) return values
    const missing: string[] = []
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string
      const value = values.value[index] ?? undefined
      found.set(key, value)
      if (value === undefined) missing.push(key)
    }
    return missing.length === 0 ? undefined : this.#failureOfMissing(missing)
  }

  /** MGET calls what is not a string a miss. One EXISTS tells; only if there is such a key is each looked at. */
  async #failureOfMissing(keys: readonly string[]): Promise<Err<CacheError> | undefined> {
    const existing = await this.#commands.run('getMany', undefined, () => this.#client.exists(...keys))
    if (!existing.ok) return existing
    if (existing.value === 0) return undefined
    // Written meanwhile, or of another type: STRLEN tells them apart as GET would, without the value.
    const checks = keys.map(key => this.#commands.run('getMany', key, () => this.#client.strlen(key)))
    return (await Promise.all(checks)).find(check => !check.ok)
  }

  async #writeBatch(entries: readonly Entry[], ttlMs: number): Promise<{ stored: number; failure?: Err<CacheError> }> {
    let stored = 0
    const written = await this.#commands.run('setMany', undefined, async () => {
      const pipeline = this.#client.pipeline()
      for (const entry of entries) {
        if (ttlMs === Infinity) pipeline.set(entry[0], entry[1])
        else pipeline.set(entry[0], entry[1], 'PX', ttlMs)
      }
      const rows = (await pipeline.exec()) ?? []
      // A pipeline resolves although rows of it failed, so each is looked at; the first failure stands for all.
      const failed = rows.filter(row => row[0] !== null)
      stored = rows.length - failed.length
      if (failed[0] !== undefined) throw failed[0][0]
    })
    return written.ok ? { stored } : { stored, failure: written }
  }

  async unlink(operation: CacheOperation, keys: readonly string[]): Promise<Result<number>> {
    const batches = batchesOf(this.#client, keys, itself)
    const results = await Promise.all(
      batches.map(batch => this.#commands.run(operation, undefined, () => this.#client.unlink(...batch)))
    )
    let deleted = 0
    let failure: Err<CacheError> | undefined
    for (const result of results) {
      if (result.ok) deleted += result.value
      else failure ??= result
    }
    return failure === undefined ? ok(deleted) : withDetails(failure, { deleted })
  }

  async unlinkMatching(operation: 'deletePattern' | 'flush', pattern: string): Promise<Result<number>> {
    let deleted = 0
    let failure: Err<CacheError> | undefined
    const settle = (unlinked: Result<number>) => {
      deleted += unlinked.ok ? unlinked.value : (unlinked.error.details.deleted ?? 0)
      if (!unlinked.ok) failure ??= unlinked
    }
    // A page is unlinked while the next one is looked for: both commands go out together.
    let unlinking: Promise<Result<number>> | undefined
    for await (const page of this.pages(operation, pattern)) {
      if (unlinking !== undefined) settle(await unlinking)
      unlinking = undefined
      if (!page.ok) settle(page)
      if (failure !== undefined) break
      if (page.ok) unlinking = this.unlink(operation, page.value)
    }
    if (unlinking !== undefined) settle(await unlinking)
    return failure === undefined ? ok(deleted) : withDetails(failure, { deleted })
  }

  /** The keys that match, page by page over every master; the engine's own are left out. */
  async *pages(operation: CacheOperation, pattern: string): AsyncGenerator<Result<string[]>, void, undefined> {
    const masters = await this.#commands.run(operation, undefined, async () => mastersOf(this.#client))
    if (!masters.ok) return yield masters
    for (const master of masters.value) {
      let cursor = '0'
      do {
        const page = await this.#commands.run(operation, undefined, () =>
          master.scan(cursor, 'MATCH', pattern, 'COUNT', BATCH_SIZE)
        )
        if (!page.ok) return yield page
        // A string on purpose: a cursor has 64 bits.
        cursor = page.value[0]
        const keys = page.value[1].filter(key => !this.#keyspace.isEngineKey(key))
        if (keys.length > 0) yield ok(keys)
      } while (cursor !== '0')
    }
  }
}

const itself = (key: string) => key
const keyOf = (entry: Entry) => entry[0]

function withDetails({ error }: Err<CacheError>, counts: { stored?: number; deleted?: number }): Err<CacheError> {
  return { ok: false, error: { ...error, details: { ...error.details, ...counts } } }
}
