import calculateSlot from 'cluster-key-slot'
import type { Cluster, Redis, RedisOptions } from 'ioredis'
import { atMostEvery, type Master, type Masters } from './masters.ts'

/** Commands may go elsewhere from then on. */
const TOPOLOGY_EVENTS = ['ready', '+node', '-node', 'refresh'] as const
/** A failover takes some seconds, in which every attempt to reconnect fails. */
const REFRESH_INTERVAL_MS = 1_000

/** The masters of a cluster, as ioredis knows them. */
export class ClusterMasters implements Masters {
  readonly #cluster: Cluster
  readonly #onChange: () => void
  readonly #mayRefresh = atMostEvery(REFRESH_INTERVAL_MS)

  constructor(cluster: Cluster, onChange: () => void) {
    this.#cluster = cluster
    this.#onChange = onChange
    for (const event of TOPOLOGY_EVENTS) cluster.on(event, onChange)
  }

  /**
   * Every owner of a slot, and every other node that ioredis takes for a master: to one that is being given slots it
   * sends commands (ASK) before the table of slots has its name.
   */
  list(): readonly Master[] | undefined {
    // Before that the nodes are the ones to start from, replicas among them.
    if (this.#cluster.status !== 'ready') return undefined
    const nodes = this.#cluster.nodes('master')
    const known = new Set(nodes.map(addressOf))
    if (this.#owners().every(owner => known.has(owner)))
      return nodes.map(node => new ClusterMaster(this.#cluster, node))
    // ioredis forgets a node whose connection has ended, though the node may be well.
    this.suspect()
    return undefined
  }

  suspect(): void {
    if (this.#cluster.status === 'ready' && this.#mayRefresh()) this.#cluster.refreshSlotsCache(() => {})
  }

  close(): void {
    for (const event of TOPOLOGY_EVENTS) this.#cluster.off(event, this.#onChange)
  }

  #owners(): string[] {
    const owners = new Set<string>()
    let previous: readonly string[] | undefined
    for (const nodes of this.#cluster.slots) {
      // The slots of a range share their array.
      if (nodes === previous || nodes?.[0] === undefined) continue
      owners.add(nodes[0])
      previous = nodes
    }
    return [...owners]
  }
}

class ClusterMaster implements Master {
  readonly address: string
  readonly #cluster: Cluster
  readonly #node: Redis

  constructor(cluster: Cluster, node: Redis) {
    this.address = addressOf(node)
    this.#cluster = cluster
    this.#node = node
  }

  data(): Redis | undefined {
    return this.#cluster.nodes('master').find(node => addressOf(node) === this.address)
  }

  open(options: RedisOptions): Redis {
    return this.#node.duplicate(options)
  }

  hashTag(): string | undefined {
    const { slots } = this.#cluster
    if (!slots.some(nodes => nodes?.[0] === this.address)) return undefined
    let number = 0
    // Each slot has its number: 16,384 slots are met long before the numbers run out.
    while (slots[calculateSlot(String(number))]?.[0] !== this.address) number++
    return `{${number}}`
  }
}

/** As in ioredis' table of slots. */
function addressOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`
}
