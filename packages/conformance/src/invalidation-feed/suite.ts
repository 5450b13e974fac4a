import assert from 'node:assert/strict'
import type { FeedListener, FencedStore, InvalidationFeed } from '@dashtam/cache-protocol'
import { checkOptions, type RegisterTest, wait } from '../runner.ts'

/** A feed under test, and a store whose changes it tells. */
export interface FeedHandle {
  readonly store: FencedStore
  /** Not started. The suite starts it, and closes it. */
  readonly feed: InvalidationFeed
  /** Removes what was stored and closes what was opened beside the feed. Called once, also after a test that failed. */
  readonly close?: () => Promise<unknown>
}

export interface InvalidationFeedConformanceOptions {
  /** The runner's own: `test` of node:test or vitest, or `(title, run) => t.test(title, run)` of tap. */
  readonly test: RegisterTest
  /**
   * Makes a store and a feed of it. What is made for the same keyspace, while the first is open, has the same backend.
   */
  readonly create: (options: { readonly keyspace: string }) => FeedHandle | Promise<FeedHandle>
}

/** What a listener has heard. */
export class Heard implements FeedListener {
  /** `slot <key>` or `generation <name>`, in the order of the messages. */
  readonly changes: string[] = []
  /** How often anything may have changed. */
  resets = 0

  slotChanged(key: string): void {
    this.changes.push(`slot ${key}`)
  }

  generationChanged(name: string): void {
    this.changes.push(`generation ${name}`)
  }

  everythingChanged(): void {
    this.resets++
  }
}

/** What a test works with. */
interface FeedSubject {
  readonly store: FencedStore
  /** Started and trusted. */
  readonly feed: InvalidationFeed
  readonly heard: Heard
  readonly keyspace: string
  /** A key inside the keyspace. */
  key(name: string): string
  /** Another store and its feed, not started; on the same backend, and of the same keyspace unless another is said. */
  another(keyspace?: string): Promise<FeedHandle>
}

export interface FeedSuite {
  /** Registers a test that gets a feed that has been started and is trusted. */
  test(title: string, run: (subject: FeedSubject) => Promise<void>): void
}

/** A feed that is not trusted after so long will not be. */
const PATIENCE_MS = 10_000

/** @throws TypeError when an option is unknown, or not a function where one is needed. */
export function createFeedSuite({ test, create, ...unknown }: InvalidationFeedConformanceOptions): FeedSuite {
  checkOptions({ test, create }, unknown)
  return {
    test(title, run) {
      test(title, async () => {
        const keyspace = `conformance-${crypto.randomUUID()}`
        const opened: FeedHandle[] = []
        const another = async (of = keyspace) => {
          const handle = await create({ keyspace: of })
          opened.push(handle)
          return handle
        }
        try {
          const { store, feed } = await another()
          const heard = await started(feed)
          await run({ store, feed, heard, keyspace, key: name => `${keyspace}:${name}`, another })
        } finally {
          for (const { feed, close } of opened) {
            await feed.close()
            await close?.()
          }
        }
      })
    }
  }
}

/** Starts a feed and waits until it is trusted; what is then heard comes from what happens later. */
export async function started(feed: InvalidationFeed): Promise<Heard> {
  const heard = new Heard()
  feed.start(heard)
  await eventually(() => isTrusted(feed), 'the feed is trusted')
  return heard
}

export function isTrusted(feed: InvalidationFeed): boolean {
  return feed.trustedUntilMs > performance.now()
}

/** Waits for what a message brings about, some time. */
export async function eventually(isSo: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS
  while (!isSo()) {
    if (performance.now() > deadlineMs) assert.fail(`waited in vain: ${what}`)
    await wait(1)
  }
}
