// Slots and generations exist twice: as pure functions in memory, and as scripts in Redis. Both are driven with the same
// random operations, ids and clock, and must answer alike, always.
import { isDeepStrictEqual } from 'node:util'
import { MemoryFencedStore } from '@dashtam/cache-memory'
import type { FencedStore, Result, SlotEntry } from '@dashtam/cache-protocol'
import { createRedisClient, RedisAdapter } from '@dashtam/cache-redis'
import { randomPrefix, seededRandom, sharedRedisUrl } from '@dashtam/testkit'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'

/** Each lane has keys and names of its own and takes one step after the other; many go on side by side. */
const LANES = 200
const STEPS = 500
const STEPS_BETWEEN_INSPECTIONS = 20
const SEED = Number(process.env.DIFFERENTIAL_SEED ?? Date.now() % 2 ** 32)

/** Leases and entries, which expire by the server's own clock, outlive the test. */
const FOREVER_MS = 10 ** 12
/**
 * So do writes by the server's clock; by the injected one they are over soon. It moves in the same unit, so that deadlines
 * are met to the millisecond.
 */
const UNIT_MS = 10 ** 6
const LONGEST_UNITS = 8

t.test(`MemoryFencedStore and RedisFencedStore answer alike (DIFFERENTIAL_SEED=${SEED})`, async t => {
  const backend = await open(t)
  const lanes = Array.from({ length: LANES }, (_, lane) => new Lane(`lane${lane}`, SEED + lane, backend))
  const differences = (await Promise.all(lanes.map(lane => lane.run(STEPS)))).filter(found => found !== undefined)
  t.strictSame(differences, [])
  const counts: Record<string, number> = {}
  for (const { steps } of lanes) for (const [name, count] of steps) counts[name] = (counts[name] ?? 0) + count
  t.comment(counts)
  for (const name of Object.keys(STEPS_OF)) t.ok((counts[name] ?? 0) > 1_000, `${name} has happened often`)
})

/** Each answers the wrong thing in one case; `stored` is the store as it should be. */
const DEVIATIONS: Readonly<Record<string, (stored: FencedStore) => Partial<FencedStore>>> = {
  'endWrite() stores although another writer met it': stored => ({
    endWrite: async (key, token, options) => {
      const isKnown = await stored.renewWrite(key, token, UNIT_MS)
      const ended = await stored.endWrite(key, token, options)
      if (options?.entry === undefined || !isKnown.ok || !isKnown.value || !ended.ok || ended.value) return ended
      // Others are still in it, unless this is the last one.
      const lease = await stored.acquire(key, token, FOREVER_MS)
      return lease.ok && lease.value.kind === 'lease' ? stored.fill(key, token, options.entry) : ended
    }
  }),
  'renewWrite() brings back a write that is over': stored => ({
    renewWrite: async (key, token, durationMs) => {
      const renewed = await stored.renewWrite(key, token, durationMs)
      return renewed.ok ? { ok: true, value: true } : renewed
    }
  }),
  'acquire() takes the place of any entry': stored => ({
    acquire: async (key, token, durationMs, unlessId) => {
      const acquired = await stored.acquire(key, token, durationMs, unlessId)
      if (!acquired.ok || unlessId === undefined || acquired.value.kind !== 'entry') return acquired
      return stored.acquire(key, token, durationMs, acquired.value.id)
    }
  }),
  'beginGenerationWrite() only bumps': stored => ({
    beginGenerationWrite: names => stored.bumpGenerations(names)
  }),
  'bumpOnce() does not look at what it continues': stored => ({
    bumpOnce: (name, occasion) => stored.bumpOnce(name, occasion)
  })
}

for (const [title, deviate] of Object.entries(DEVIATIONS)) {
  t.test(`a store is caught whose ${title}`, async t => {
    const backend = await open(t)
    const found: Difference[] = []
    const isFound = () => found.length > 0
    for (let seed = SEED; seed < SEED + 1_000 && !isFound(); seed += 20) {
      const lanes = Array.from({ length: 20 }, (_, lane) => new Lane(`lane${lane}`, seed + lane, backend, deviate))
      for (const difference of await Promise.all(lanes.map(lane => lane.run(STEPS, isFound)))) {
        if (difference !== undefined) found.push(difference)
      }
    }
    t.ok(found.length > 0)
    t.comment(found[0])
  })
}

/** One of the two stores. */
interface Subject {
  readonly store: FencedStore
  /** What becomes of a lease or an entry when its time is over. */
  expire(key: string): Promise<void>
}

type Call = (subject: Subject) => Promise<unknown>

interface Difference {
  readonly lane: string
  readonly step: number
  readonly operation: string
  readonly memory: unknown
  readonly redis: unknown
}

/** What the operations of a lane choose from. */
interface Choices {
  readonly key: string
  readonly names: readonly string[]
  /** One of few, for leases and writes alike, so that they come again. */
  readonly token: string
  readonly durationMs: number
  readonly holdMs: number | undefined
  readonly entry: SlotEntry
  /** Mostly of an entry that is there or was. */
  readonly entryId: string
  readonly occasion: string
  readonly earlierOccasion: string
  readonly isLikely: boolean
}

const STEPS_OF: Readonly<Record<string, (choices: Choices) => Call>> = {
  read:
    ({ key, isLikely }) =>
    ({ store }) =>
      store.read(key, { lifetime: isLikely }),
  identify:
    ({ key }) =>
    ({ store }) =>
      store.identify(key),
  acquire:
    ({ key, token, entryId, isLikely }) =>
    ({ store }) =>
      isLikely ? store.acquire(key, token, FOREVER_MS) : store.acquire(key, token, FOREVER_MS, entryId),
  renew:
    ({ key, token }) =>
    ({ store }) =>
      store.renew(key, token, FOREVER_MS),
  release:
    ({ key, token }) =>
    ({ store }) =>
      store.release(key, token),
  fill:
    ({ key, token, entry }) =>
    ({ store }) =>
      store.fill(key, token, entry),
  refresh:
    ({ key, entry, entryId }) =>
    ({ store }) =>
      store.refresh(key, entryId, entry),
  claim:
    ({ key, token }) =>
    ({ store }) =>
      store.claim(key, token, FOREVER_MS),
  unclaim:
    ({ key, token }) =>
    ({ store }) =>
      store.unclaim(key, token),
  invalidate:
    ({ key, holdMs }) =>
    ({ store }) =>
      store.invalidate([key], holdMs === undefined ? {} : { holdMs }),
  beginWrite:
    ({ key, token, durationMs }) =>
    ({ store }) =>
      store.beginWrite(key, token, durationMs),
  renewWrite:
    ({ key, token, durationMs }) =>
    ({ store }) =>
      store.renewWrite(key, token, durationMs),
  endWrite:
    ({ key, token, holdMs }) =>
    ({ store }) =>
      store.endWrite(key, token, holdMs === undefined ? {} : { holdMs }),
  'endWrite with an entry':
    ({ key, token, entry }) =>
    ({ store }) =>
      store.endWrite(key, token, { entry }),
  readGenerations:
    ({ names }) =>
    ({ store }) =>
      store.readGenerations(names),
  bumpGenerations:
    ({ names }) =>
    ({ store }) =>
      store.bumpGenerations(names),
  beginGenerationWrite:
    ({ names, token, durationMs }) =>
    ({ store }) =>
      store.beginGenerationWrite(names, token, durationMs),
  renewGenerationWrite:
    ({ names, token, durationMs }) =>
    ({ store }) =>
      store.renewGenerationWrite(names, token, durationMs),
  endGenerationWrite:
    ({ names, token }) =>
    ({ store }) =>
      store.endGenerationWrite(names, token),
  bumpOnce:
    ({ names: [name = ''], occasion, earlierOccasion, isLikely }) =>
    ({ store }) =>
      store.bumpOnce(name, occasion, isLikely ? {} : { continues: earlierOccasion }),
  expire:
    ({ key }) =>
    ({ expire }) =>
      expire(key)
}

interface Backend {
  readonly keyspace: string
  readonly adapter: RedisAdapter
  readonly client: Redis
}

class Lane {
  /** How often each step was taken. */
  readonly steps = new Map<string, number>()
  readonly #name: string
  readonly #random: () => number
  readonly #keys: readonly string[]
  readonly #names: readonly string[]
  readonly #memory: Subject
  readonly #redis: Subject
  /** The lane's own mixture: a rare sequence of steps is common in some lane. */
  readonly #mixture: readonly string[]
  readonly #entryIds: string[] = [idOf('none')]
  #occasions = 0
  #nowMs = UNIT_MS

  /** @param deviate - Makes the memory store a wrong one. */
  constructor(name: string, seed: number, backend: Backend, deviate?: (stored: FencedStore) => Partial<FencedStore>) {
    this.#name = name
    this.#random = seededRandom(seed)
    this.#keys = ['a', 'b'].map(key => `${backend.keyspace}:${name}:${key}`)
    this.#names = ['a', 'b'].map(each => `${name}:${each}`)
    const clock = () => this.#nowMs
    this.#memory = memorySubject(backend.keyspace, clock, deviate)
    this.#redis = redisSubject(backend, clock)
    this.#mixture = Object.keys(STEPS_OF).flatMap(step => Array<string>(Math.floor(this.#random() * 4)).fill(step))
  }

  /** @returns the first difference. */
  async run(steps: number, isOver: () => boolean = () => false): Promise<Difference | undefined> {
    for (let step = 0; step < steps && !isOver(); step++) {
      if (this.#chance(0.1)) this.#nowMs += UNIT_MS * this.#below(LONGEST_UNITS)
      const name = this.#one(this.#mixture)
      this.steps.set(name, (this.steps.get(name) ?? 0) + 1)
      const difference =
        (await this.#compare(step, name, STEPS_OF[name]?.(this.#choose()) ?? (async () => {}))) ??
        (step % STEPS_BETWEEN_INSPECTIONS === 0 ? await this.#inspect(step) : undefined)
      if (difference !== undefined) return difference
    }
    return undefined
  }

  async #inspect(step: number): Promise<Difference | undefined> {
    return (
      (await this.#compare(step, 'inspect slots', ({ store }) => store.readMany(this.#keys))) ??
      (await this.#compare(step, 'inspect generations', ({ store }) => store.readGenerations(this.#names)))
    )
  }

  async #compare(step: number, operation: string, call: Call): Promise<Difference | undefined> {
    const [memory, redis] = (await Promise.all([call(this.#memory), call(this.#redis)])).map(comparable)
    if (isDeepStrictEqual(memory, redis)) return undefined
    return { lane: this.#name, step, operation, memory, redis }
  }

  #choose(): Choices {
    const id = idOf(`${this.#name}e${this.#entryIds.length}`)
    this.#entryIds.push(id)
    // Now and then a new one, so that old ones are forgotten.
    const occasion = this.#chance(0.7) ? ++this.#occasions : this.#below(this.#occasions + 1)
    return {
      key: this.#one(this.#keys),
      names: this.#chance(0.3) ? this.#names : [this.#one(this.#names)],
      token: idOf(`t${this.#below(3)}`),
      durationMs: this.#duration(),
      holdMs: this.#chance(0.2) ? this.#duration() : undefined,
      entry: { id, bytes: Buffer.from(`bytes of ${id}`), ttlMs: this.#chance(0.1) ? Infinity : FOREVER_MS },
      entryId: this.#entryIds[this.#entryIds.length - 1 - this.#below(Math.min(this.#entryIds.length, 40))] ?? id,
      occasion: `occasion ${occasion}`,
      earlierOccasion: `occasion ${Math.max(0, occasion - this.#below(100))}`,
      isLikely: this.#chance(0.5)
    }
  }

  #duration(): number {
    return UNIT_MS * (1 + this.#below(LONGEST_UNITS))
  }

  #chance(probability: number): boolean {
    return this.#random() < probability
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound)
  }

  #one<Item>(items: readonly Item[]): Item {
    return items[this.#below(items.length)] as Item
  }
}

function memorySubject(
  keyspace: string,
  clock: () => number,
  deviate: ((stored: FencedStore) => Partial<FencedStore>) | undefined
): Subject {
  const stored = new MemoryFencedStore({ keyspace, clock, createId: counter() })
  // A method that does not deviate must find its own private members.
  const bound = new Proxy(stored, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    }
  })
  const store: FencedStore = deviate === undefined ? stored : Object.assign(Object.create(bound), deviate(stored))
  return {
    store,
    expire: async key => {
      if (await isMortal(stored, key)) await stored.invalidate([key])
    }
  }
}

function redisSubject({ adapter, client, keyspace }: Backend, clock: () => number): Subject {
  const createId = counter()
  const store = adapter.fencedStore({ clock, createId })
  return {
    store,
    expire: async key => {
      if (!(await isMortal(store, key))) return
      await client.del(key.replace(`${keyspace}:`, `${keyspace}:~s:`))
      // The invalidation that does it in memory has made one.
      createId()
    }
  }
}

async function isMortal(store: FencedStore, key: string): Promise<boolean> {
  const slot = await store.identify(key)
  return slot.ok && (slot.value.kind === 'lease' || slot.value.kind === 'entry')
}

/** An answer without what passes by the server's own clock, and with bytes as text. */
function comparable(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null) return answer
  const result = answer as Result<unknown>
  if (!result.ok) return result
  return Array.isArray(result.value) ? result.value.map(withoutLifetime) : withoutLifetime(result.value)
}

function withoutLifetime(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return value
  const { bytes, ...slot } = value as { kind: string; remainingMs?: number; bytes?: Uint8Array }
  if (slot.kind !== 'closed') delete slot.remainingMs
  return bytes === undefined ? slot : { ...slot, text: Buffer.from(bytes).toString() }
}

function counter(): () => string {
  let count = 0
  return () => idOf(`i${++count}`)
}

function idOf(name: string): string {
  return name.padStart(22, '_')
}

async function open(t: Test): Promise<Backend> {
  const keyspace = randomPrefix()
  const client = createRedisClient({ url: await sharedRedisUrl() }) as Redis
  const adapter = new RedisAdapter({ keyspace, client, commandTimeoutMs: 20_000 })
  t.teardown(async () => {
    for await (const keys of client.scanStream({ match: `${keyspace}:*`, count: 1_000 })) {
      if (keys.length > 0) await client.unlink(...keys)
    }
    await adapter.close()
    client.disconnect()
  })
  await adapter.ping()
  return { keyspace, adapter, client }
}
