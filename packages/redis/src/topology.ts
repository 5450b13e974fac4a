import calculateSlot from 'cluster-key-slot'
import type { Cluster, Redis } from 'ioredis'

/** So many keys at most in one command: more would block the server, and every process that follows it, for too long. */
export const BATCH_SIZE = 1_000

/** Splits `items` into what one multi-key command may carry: `BATCH_SIZE` keys, in a cluster all of one slot. */
export function batchesOf<Item>(
  client: Redis | Cluster,
  items: readonly Item[],
  keyOf: (item: Item) => string
): (readonly Item[])[] {
  if (isCluster(client)) return bySlot(items, keyOf).flatMap(chunksOf)
  return chunksOf(items)
}

/** The servers that between them hold every key. */
export function mastersOf(client: Redis | Cluster): Redis[] {
  return isCluster(client) ? client.nodes('master') : [client]
}

/**
 * Whether nothing was done because the slot of the key is served elsewhere. ioredis goes there by itself, unless commands
 * on several slots went out together, and then never learns it. To be deleted when
 * https://github.com/redis/ioredis/issues/2075 is solved.
 */
export function isMoved(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('MOVED ')
}

/** Has the client ask which server has which slots. It asks once for all who wait. */
export function learnSlots(client: Cluster): Promise<void> {
  return new Promise(resolve => client.refreshSlotsCache(() => resolve()))
}

/** Not `instanceof`: an app may have another copy of ioredis. */
export function isCluster(client: Redis | Cluster): client is Cluster {
  return client.isCluster
}

function bySlot<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[][] {
  const groups = new Map<number, Item[]>()
  for (const item of items) {
    const slot = calculateSlot(keyOf(item))
    const group = groups.get(slot)
    if (group === undefined) groups.set(slot, [item])
    else group.push(item)
  }
  return [...groups.values()]
}

function chunksOf<Item>(items: readonly Item[]): (readonly Item[])[] {
  if (items.length <= BATCH_SIZE) return items.length === 0 ? [] : [items]
  const chunks: (readonly Item[])[] = []
  for (let start = 0; start < items.length; start += BATCH_SIZE) chunks.push(items.slice(start, start + BATCH_SIZE))
  return chunks
}
