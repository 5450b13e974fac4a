import type { ServerChange } from '@dashtam/cache-protocol'

/** What a server says about itself (`INFO server replication`). */
export interface ServerInfo {
  /** Random, made by each start of a server. */
  readonly runId: string
  readonly isMaster: boolean
  /** Names the history of its data; a replica has that of its master. */
  readonly replicationId: string
  /** The history that this one goes on from, since a replica became the master or a master was loaded from a snapshot. */
  readonly previousReplicationId: string | undefined
  readonly uptimeSeconds: number
}

interface KnownMaster {
  readonly runId: string
  replicationId: string
  /** When the last question left that it has answered (`performance.now()`): it was the master then. */
  askedMs: number
}

const NO_REPLICATION_ID = /^0*$/
/** `uptime_in_seconds` is the difference of two times that have each lost their fraction. */
const UPTIME_ROUNDING_MS = 1_000

/** @returns `undefined` for a text in which something is missing. */
export function parseServerInfo(text: string): ServerInfo | undefined {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(text)?.[1]
  const runId = field('run_id')
  const role = field('role')
  const replicationId = field('master_replid')
  const previous = field('master_replid2')
  const uptimeSeconds = Number(field('uptime_in_seconds'))
  if (!runId || role === undefined || !replicationId || Number.isNaN(uptimeSeconds)) return undefined
  return {
    runId,
    isMaster: role === 'master',
    replicationId,
    previousReplicationId: previous === undefined || NO_REPLICATION_ID.test(previous) ? undefined : previous,
    uptimeSeconds
  }
}

/** Compares each master with the one before it. */
export class ServerHistory {
  /** By place: the address in a cluster; otherwise there is one place, wherever its server may be. */
  readonly #masters = new Map<string, KnownMaster>()
  #lastChange: ServerChange | undefined
  #isBeginning = true

  get lastChange(): ServerChange | undefined {
    return this.#lastChange
  }

  /** From now on a master that goes on from none that is known has data of which nothing is known. */
  endBeginning(): void {
    if (this.#masters.size > 0) this.#isBeginning = false
  }

  /**
   * A master has answered.
   *
   * @param askedMs - When the question left, and `answeredMs` when the answer came, of `performance.now()`.
   * @returns what has changed, if anything.
   */
  meet(place: string, info: ServerInfo, askedMs: number, answeredMs: number): ServerChange | undefined {
    const { runId, replicationId, previousReplicationId } = info
    const known = this.#masters.get(place)
    // A master without a previous history has been one since it started, and takes a new id when its first replica
    // comes or its last one has been gone for long.
    const isSame = known?.runId === runId
    if (isSame && (known.replicationId === replicationId || previousReplicationId === undefined)) {
      known.replicationId = replicationId
      known.askedMs = askedMs
      return undefined
    }
    const [formerPlace, former] = known === undefined ? this.#continuedBy(info) : ([place, known] as const)
    if (formerPlace !== undefined) this.#masters.delete(formerPlace)
    const change: ServerChange = {
      kind: this.#kindOf(former, info, answeredMs),
      server: runId,
      ...(former === undefined ? {} : { previous: former.runId })
    }
    this.#masters.set(place, { runId, replicationId, askedMs })
    this.#lastChange = change
    return change
  }

  /** In a cluster the new master is at another address than the one that it replaces. */
  #continuedBy({ previousReplicationId }: ServerInfo): readonly [place: string, KnownMaster] | readonly [] {
    for (const entry of this.#masters) if (entry[1].replicationId === previousReplicationId) return entry
    return []
  }

  /**
   * A promoted replica was up while its master still answered. One that goes on from the same history but started later
   * is that master itself, or a copy of it, loaded from a snapshot of any age.
   */
  #kindOf(former: KnownMaster | undefined, info: ServerInfo, answeredMs: number): ServerChange['kind'] {
    if (former === undefined) return this.#isBeginning ? 'connected' : 'restarted'
    const startedMs = answeredMs - (info.uptimeSeconds * 1_000 - UPTIME_ROUNDING_MS)
    const goesOn = info.previousReplicationId === former.replicationId
    return goesOn && startedMs < former.askedMs ? 'promoted' : 'restarted'
  }
}
