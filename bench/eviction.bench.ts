// How often does the bounded store hit, next to other policies and to the optimum, on traces of real accesses?
//
// node eviction.bench.ts <folder>: the folder holds loop, multi1, 2_pools, sprite (of the LIRS paper) and web07 (of
// cache2k) as `<name>.txt.gz`, one key a line. Caffeine's simulator ships them in other formats.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { BoundedStore } from '@dashtam/cache-memory'

/** Says whether `key` is a hit, and stores it if it is not. */
type Policy = (key: string) => boolean

const ROWS = [
  ['loop', 512],
  ['multi1', 1_000],
  ['2_pools', 450],
  ['sprite', 600],
  ['web07', 1_000],
  ['web07', 4_000]
] as const
const SEEDS = 20
const PEERS = { LRU: lru, SIEVE: sieve, 'S3-FIFO': s3Fifo, 'W-TinyLFU, 1 %': fixedWindowTinyLfu }

const [folder] = process.argv.slice(2)
if (folder === undefined) console.log('eviction.bench.ts: skipped, since it was given no folder of traces')
else console.table(ROWS.map(([name, capacity]) => row(folder, name, capacity)))

function row(folder: string, name: string, capacity: number): Record<string, string | number> {
  const keys = gunzipSync(readFileSync(join(folder, `${name}.txt.gz`)))
    .toString()
    .trimEnd()
    .split('\n')
  const peers = Object.entries(PEERS).map(([peer, create]) => [peer, hitPercent(keys, create(capacity))] as const)
  const own = Array.from({ length: SEEDS }, (_, seed) => hitPercent(keys, boundedStore(capacity, seed)))
  const mean = own.reduce((sum, percent) => sum + percent, 0) / SEEDS
  return {
    trace: name,
    capacity,
    ...Object.fromEntries(peers.map(([peer, percent]) => [peer, percent.toFixed(2)])),
    BoundedStore: mean.toFixed(2),
    [`worst of ${SEEDS} seeds`]: Math.min(...own).toFixed(2),
    'wanted: best - 1': (Math.max(...peers.map(([, percent]) => percent)) - 1).toFixed(2),
    optimum: hitPercent(keys, optimum(keys, capacity)).toFixed(2)
  }
}

function hitPercent(keys: readonly string[], policy: Policy): number {
  let hits = 0
  for (const key of keys) if (policy(key)) hits++
  return (100 * hits) / keys.length
}

function boundedStore(maxEntries: number, seed: number): Policy {
  const store = new BoundedStore<true>({ maxEntries, maxBytes: maxEntries, maxEntryBytes: 1, weigh: () => 1, seed })
  return key => {
    if (store.get(key) !== undefined) return true
    store.set(key, true, Infinity)
    return false
  }
}

function lru(capacity: number): Policy {
  const held = new Set<string>()
  return key => {
    const isHit = held.delete(key)
    held.add(key)
    if (held.size > capacity) held.delete(oldest(held))
    return isHit
  }
}

/** "SIEVE is simpler than LRU" (NSDI 2024): a hand goes from the oldest to the newest and takes who was not visited. */
function sieve(capacity: number): Policy {
  interface Node {
    readonly key: string
    isVisited: boolean
    older: Node | undefined
    newer: Node | undefined
  }
  const nodes = new Map<string, Node>()
  let oldestNode: Node | undefined
  let newestNode: Node | undefined
  let hand: Node | undefined
  const evict = () => {
    let node = hand ?? oldestNode
    while (node?.isVisited) {
      node.isVisited = false
      node = node.newer ?? oldestNode
    }
    if (node === undefined) return
    hand = node.newer
    if (node.older === undefined) oldestNode = node.newer
    else node.older.newer = node.newer
    if (node.newer === undefined) newestNode = node.older
    else node.newer.older = node.older
    nodes.delete(node.key)
  }
  return key => {
    const present = nodes.get(key)
    if (present !== undefined) {
      present.isVisited = true
      return true
    }
    if (nodes.size >= capacity) evict()
    const node: Node = { key, isVisited: false, older: newestNode, newer: undefined }
    if (newestNode === undefined) oldestNode = node
    else newestNode.newer = node
    newestNode = node
    nodes.set(key, node)
    return false
  }
}

/** "FIFO queues are all you need for cache eviction" (SOSP 2023), with the sizes and thresholds of its authors. */
function s3Fifo(capacity: number): Policy {
  const small = new Map<string, number>()
  const main = new Map<string, number>()
  const ghosts = new Set<string>()
  const maxSmall = Math.max(1, Math.floor(capacity * 0.1))
  const maxGhosts = Math.floor(capacity * 0.9)
  const evictFromMain = () => {
    for (;;) {
      const [key, uses] = oldestEntry(main)
      main.delete(key)
      if (uses === 0) return
      main.set(key, uses - 1)
    }
  }
  const evictFromSmall = () => {
    const [key, uses] = oldestEntry(small)
    small.delete(key)
    if (uses > 1) return void main.set(key, 0)
    ghosts.add(key)
    if (ghosts.size > maxGhosts) ghosts.delete(oldest(ghosts))
  }
  return key => {
    const queue = small.has(key) ? small : main
    const uses = queue.get(key)
    if (uses !== undefined) {
      queue.set(key, Math.min(3, uses + 1))
      return true
    }
    const wasHere = ghosts.delete(key)
    while (small.size + main.size >= capacity) {
      if (small.size > maxSmall || main.size === 0) evictFromSmall()
      else evictFromMain()
    }
    if (wasHere) main.set(key, 0)
    else small.set(key, 0)
    return false
  }
}

/** W-TinyLFU (https://arxiv.org/abs/1512.00727) with a window of 1 %, and exact counts. */
function fixedWindowTinyLfu(capacity: number): Policy {
  const window = new Set<string>()
  const probation = new Set<string>()
  const hot = new Set<string>()
  const maxWindow = Math.max(1, Math.floor(capacity * 0.01))
  const maxMain = capacity - maxWindow
  const uses = new Map<string, number>()
  let sinceAged = 0
  const count = (key: string) => {
    uses.set(key, Math.min(15, (uses.get(key) ?? 0) + 1))
    if (++sinceAged < capacity * 10) return
    sinceAged = 0
    for (const [counted, times] of uses) {
      if (times > 1) uses.set(counted, times >> 1)
      else uses.delete(counted)
    }
  }
  const use = (key: string) => {
    for (const segment of [window, hot]) {
      if (segment.delete(key)) {
        segment.add(key)
        return true
      }
    }
    if (!probation.delete(key)) return false
    hot.add(key)
    if (hot.size > Math.floor(maxMain * 0.8)) probation.add(takeOldest(hot))
    return true
  }
  const admit = (candidate: string) => {
    if (probation.size + hot.size >= maxMain) {
      const segment = probation.size > 0 ? probation : hot
      if ((uses.get(candidate) ?? 0) <= (uses.get(oldest(segment)) ?? 0)) return
      takeOldest(segment)
    }
    probation.add(candidate)
  }
  return key => {
    count(key)
    if (use(key)) return true
    window.add(key)
    if (window.size > maxWindow) admit(takeOldest(window))
    return false
  }
}

/** Belady's: whoever is needed last leaves, the newcomer too. Knows the future, and is called for `keys` in their order. */
function optimum(keys: readonly string[], capacity: number): Policy {
  const nextUse = new Int32Array(keys.length)
  const seenAt = new Map<string, number>()
  for (let index = keys.length - 1; index >= 0; index--) {
    const key = keys[index] ?? ''
    nextUse[index] = seenAt.get(key) ?? keys.length + index
    seenAt.set(key, index)
  }
  const held = new Map<string, number>()
  let index = 0
  return key => {
    const isHit = held.has(key)
    held.set(key, nextUse[index++] ?? Infinity)
    if (held.size > capacity) {
      let last: readonly [string, number] = ['', -1]
      for (const entry of held) if (entry[1] > last[1]) last = entry
      held.delete(last[0])
    }
    return isHit
  }
}

function takeOldest(keys: Set<string>): string {
  const key = oldest(keys)
  keys.delete(key)
  return key
}

function oldest(keys: ReadonlySet<string>): string {
  return keys.values().next().value ?? ''
}

function oldestEntry(queue: ReadonlyMap<string, number>): readonly [string, number] {
  return queue.entries().next().value ?? ['', 0]
}
