import type { TokenBucket } from '@dashtam/cache-protocol'
import { type Advance, checkOptions, type RegisterTest, wait } from '../runner.ts'

/** Buckets under test. */
export interface TokenBucketHandle {
  readonly buckets: TokenBucket
  /** Removes what was stored and closes what was opened. Called once, also after a test that failed. */
  readonly close?: () => Promise<unknown>
}

/** The backend seen past the port, for buckets that others can write to. */
export interface ForeignBuckets {
  /** Puts there a string that no bucket is, without an expiry. */
  setString(key: string, value: string): Promise<void>
  /** Puts there what is not a string, such as a Redis list. */
  setOther(key: string): Promise<void>
}

export interface TokenBucketConformanceOptions {
  /** The runner's own: `test` of node:test or vitest, or `(title, run) => t.test(title, run)` of tap. */
  readonly test: RegisterTest
  /** Makes buckets; what is made for the same keyspace, while the first are open, has the same backend. */
  readonly create: (options: { readonly keyspace: string }) => TokenBucketHandle | Promise<TokenBucketHandle>
  /** Lets time pass. Default: really waits; buckets with an injected clock move that instead. */
  readonly advance?: Advance
  /** Needed to prove what happens to data that others wrote. Without it those tests are left out. */
  readonly foreign?: ForeignBuckets
}

/** What a test works with. */
interface BucketSubject {
  readonly buckets: TokenBucket
  readonly keyspace: string
  /** A key inside the keyspace. */
  key(name: string): string
  advance(milliseconds: number): Promise<void>
  /** Other buckets on the same backend. */
  another(): Promise<TokenBucket>
}

export interface BucketSuite {
  /** Registers a test that gets buckets of its own. */
  test(title: string, run: (subject: BucketSubject) => Promise<void>): void
  readonly foreign: ForeignBuckets | undefined
}

/** @throws TypeError when an option is unknown, or not a function where one is needed. */
export function createBucketSuite({
  test,
  create,
  advance = wait,
  foreign,
  ...unknown
}: TokenBucketConformanceOptions): BucketSuite {
  checkOptions({ test, create, advance }, unknown)
  return {
    foreign,
    test(title, run) {
      test(title, async () => {
        const keyspace = `conformance-${crypto.randomUUID()}`
        const opened: TokenBucketHandle[] = []
        const another = async () => {
          const handle = await create({ keyspace })
          opened.push(handle)
          return handle.buckets
        }
        try {
          await run({ buckets: await another(), keyspace, key: name => `${keyspace}:${name}`, advance, another })
        } finally {
          for (const { close } of opened) await close?.()
        }
      })
    }
  }
}
