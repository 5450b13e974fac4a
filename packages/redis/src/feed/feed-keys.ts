import { randomUUID } from 'node:crypto'
import type { FeedListener } from '@dashtam/cache-protocol'
import { ENGINE_MARK, type Keyspace } from '@dashtam/cache-protocol/adapter'

/** Begins what is a generation's key to Redis and no generation to anybody: none has such a name. */
const PROBE_MARK = `${ENGINE_MARK}probe:`

/** What the feed follows within a keyspace, and what the keys that it hears of stand for. */
export class FeedKeys {
  /** `<keyspace>:~s:`, then the rest of the cache key. */
  readonly slotPrefix: string
  /** `<keyspace>:~g:`, then the name. */
  readonly generationPrefix: string
  /** Where a store publishes the keys it has changed, if the server tells nobody. */
  readonly channel: string
  readonly #keyspacePrefix: string
  readonly #probePrefix: string

  constructor({ prefix }: Keyspace) {
    this.slotPrefix = `${prefix}${ENGINE_MARK}s:`
    this.generationPrefix = `${prefix}${ENGINE_MARK}g:`
    this.channel = `${prefix}${ENGINE_MARK}i`
    this.#keyspacePrefix = prefix
    this.#probePrefix = `${this.generationPrefix}${PROBE_MARK}`
  }

  /** A followed key that nobody else uses. `hashTag` chooses its slot in a cluster. */
  createProbe(hashTag: string): string {
    return `${this.#probePrefix}${hashTag}${randomUUID()}`
  }

  /** Tells what a changed key stands for. The probes of other processes, and keys of strangers, stand for nothing. */
  tell(key: string, listener: FeedListener): void {
    if (key.startsWith(this.slotPrefix)) {
      listener.slotChanged(this.#keyspacePrefix + key.slice(this.slotPrefix.length))
    } else if (key.startsWith(this.generationPrefix) && !key.startsWith(this.#probePrefix)) {
      listener.generationChanged(key.slice(this.generationPrefix.length))
    }
  }
}
