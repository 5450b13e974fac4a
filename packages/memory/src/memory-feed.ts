import type { FeedListener, FeedStats, InvalidationFeed } from '@dashtam/cache-protocol'
import type { ChangeListener } from './fenced-state.ts'

const YES = Promise.resolve(true)
const NO = Promise.resolve(false)

/**
 * Tells of every change of one `MemoryFencedStore`, within the call that makes it: there is no lag, and from its start
 * on it is trusted for ever. Made by `store.openFeed()`.
 */
export class MemoryFeed implements InvalidationFeed {
  readonly #listeners: Set<ChangeListener>
  #told: ChangeListener | undefined
  #messages = 0
  #barriers = 0
  trustedUntilMs = -Infinity

  /** @param listeners - Those whom the store tells. */
  constructor(listeners: Set<ChangeListener>) {
    this.#listeners = listeners
  }

  start(listener: FeedListener): void {
    this.#told = {
      slotChanged: key => {
        this.#messages++
        listener.slotChanged(key)
      },
      generationChanged: name => {
        this.#messages++
        listener.generationChanged(name)
      }
    }
    this.#listeners.add(this.#told)
    // Nobody has told of what changed before.
    listener.everythingChanged()
    this.trustedUntilMs = Infinity
  }

  barrier(_key: string, _generations: readonly string[]): Promise<boolean> {
    this.#barriers++
    return this.trustedUntilMs === Infinity ? YES : NO
  }

  stats(): FeedStats {
    return {
      mode: 'local',
      isTrusted: this.trustedUntilMs === Infinity,
      messages: this.#messages,
      gaps: 0,
      barriers: this.#barriers,
      lagMs: undefined
    }
  }

  async close(): Promise<void> {
    if (this.#told !== undefined) this.#listeners.delete(this.#told)
    this.trustedUntilMs = -Infinity
  }
}
