import type { CacheProtocol } from '@dashtam/cache-protocol'
import { type Advance, checkOptions, type RegisterTest, wait } from './runner.ts'

/** What the suite asks of a cache that it is given. */
export interface CreateOptions {
  /** Random, so that the suite may run beside others on one server. */
  readonly keyspace: string
  readonly ttlSeconds?: number
  readonly maxValueBytes?: number
}

/** The backend seen past the port, for adapters whose backend others can write to. */
export interface ForeignAccess {
  /** Writes a string, also under a key that the port refuses; let it expire, for the suite cannot delete such a key. */
  setString(key: string, value: string): Promise<void>
  /** Writes something that is not a string, such as a Redis list. */
  setOther(key: string): Promise<void>
  exists(key: string): Promise<boolean>
}

export interface ConformanceOptions {
  /** The runner's own: `test` of node:test or vitest, or `(title, run) => t.test(title, run)` of tap. */
  readonly test: RegisterTest
  /**
   * Makes an adapter with these options. It need not be connected yet; the suite closes it. It holds 6,000 entries at
   * least, and values of 300,000 bytes when no `maxValueBytes` is said.
   */
  readonly create: (options: CreateOptions) => CacheProtocol | Promise<CacheProtocol>
  /** Lets time pass. Default: really waits; an adapter with an injected clock moves that instead. */
  readonly advance?: Advance
  /** Needed to prove what happens to data that others wrote or write. Without it those tests are left out. */
  readonly foreign?: ForeignAccess
  /**
   * What the port leaves to the adapter; the tests of what is `false` are left out.
   * @defaultValue `{ scan: true }`
   */
  readonly supports?: { readonly scan?: boolean }
}

/** What a test of the suite works with. */
export interface Subject {
  readonly cache: CacheProtocol
  readonly keyspace: string
  /** A key inside the keyspace. */
  key(name: string): string
  advance(milliseconds: number): Promise<void>
  /** Another cache; with `foreign` it is one on the same backend. */
  another(options?: Partial<CreateOptions>): Promise<CacheProtocol>
}

export interface Suite {
  /** Registers a test that gets a fresh cache and closes it. */
  test(title: string, run: (subject: Subject) => Promise<void>, options?: Omit<CreateOptions, 'keyspace'>): void
  readonly foreign: ForeignAccess | undefined
  readonly supportsScan: boolean
}

/** @throws TypeError when an option is unknown, or not a function where one is needed. */
export function createSuite({
  test,
  create,
  advance = wait,
  foreign,
  supports: { scan: supportsScan = true } = {},
  ...unknown
}: ConformanceOptions): Suite {
  checkOptions({ test, create, advance }, unknown)
  return {
    foreign,
    supportsScan,
    test(title, run, options = {}) {
      test(title, async () => {
        const keyspace = `conformance-${crypto.randomUUID()}`
        const opened: CacheProtocol[] = []
        const open = async (with_: CreateOptions) => {
          const cache = await create(with_)
          opened.push(cache)
          return cache
        }
        const cache = await open({ ...options, keyspace })
        try {
          await run({
            cache,
            keyspace,
            key: name => `${keyspace}:${name}`,
            advance,
            another: other => open({ keyspace, ...other })
          })
        } finally {
          // A test may have closed its cache: then a new one cleans up behind it.
          const flushed = await cache.flush()
          if (!flushed.ok) await (await open({ keyspace })).flush()
          for (const each of opened) await each.close()
        }
      })
    }
  }
}
