import calculateSlot from 'cluster-key-slot'
import { Cluster, type Redis } from 'ioredis'

/** So many keys at most in one command: more would block the server, and every process that follows it, for too long. */
export const BATCH_SIZE = 1_000

/** Splits keys into what one multi-key command may carry: `BATCH_SIZE` keys, in a cluster all of one slot. */
export function batchesOf(client: Redis | Cluster, keys: readonly string[]): string[][] {
  const groups = client instanceof Cluster ? bySlot(keys) : [keys]
  return groups.flatMap(chunksOf)
}

/** The servers that between them hold every key. */
export function mastersOf(client: Redis | Cluster): Redis[] {
  return client instanceof Cluster ? client.nodes('master') : [client]
}

function bySlot(keys: readonly string[]): string[][] {
  const groups = new Map<number, string[]>()
  for (const key of keys) {
    const slot = calculateSlot(key)
    const group = groups.get(slot)
    if (group === undefined) groups.set(slot, [key])
    else group.push(key)
  }
  return [...groups.values()]
}

function chunksOf(keys: readonly string[]): string[][] {
  const chunks: string[][] = []
  for (let start = 0; start < keys.length; start += BATCH_SIZE) chunks.push(keys.slice(start, start + BATCH_SIZE))
  return chunks
}
