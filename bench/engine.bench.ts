// What does the read-through engine cost: a hit in memory, a hit in Redis, a strong read, a tag of 100,000 keys?
import { randomUUID } from 'node:crypto'
import { json, messagePack } from '@dashtam/cache-codecs'
import type { CacheFamily } from '@dashtam/cache-protocol'
import { createRedisClient, RedisAdapter, RedisInvalidationFeed } from '@dashtam/cache-redis'
import { createReadThrough } from '@dashtam/cache-tiered'
import { startRedis } from '@dashtam/testkit'
import { Redis } from 'ioredis'
import { Loader } from 'layered-loader'
import { compare, concurrently, printMachine } from './compare.ts'

const KEYS = 100_000
const CONCURRENCY = 64
const keyspace = `bench-${randomUUID()}`

interface Account {
  readonly id: string
  readonly rows: readonly object[]
}

/** An object whose JSON has 4 KB. */
function accountOf(id: string): Account {
  const rows = Array.from({ length: 33 }, (_, index) => ({
    name: `Brokerage account ${index}`,
    balance: index * 1_234.57,
    currency: 'USD',
    isOpen: index % 3 === 0,
    openedAt: '2026-11-26T00:00:00.000Z'
  }))
  return { id, rows }
}

/** So many indices, the most popular first and most often: Zipf with the exponent 0.99. */
function zipf(count: number): Uint32Array {
  const cumulative = new Float64Array(KEYS)
  let sum = 0
  for (let rank = 0; rank < KEYS; rank++) {
    sum += 1 / (rank + 1) ** 0.99
    cumulative[rank] = sum
  }
  let state = 42
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  return Uint32Array.from({ length: count }, () => {
    const target = random() * sum
    let [low, high] = [0, KEYS - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((cumulative[middle] ?? 0) < target) low = middle + 1
      else high = middle
    }
    return low
  })
}

await using server = await startRedis()
const client = createRedisClient({ url: server.url })
const adapter = new RedisAdapter({ client, keyspace, commandTimeoutMs: 5_000 })
const feed = new RedisInvalidationFeed({ client, keyspace })
const cache = createReadThrough({
  store: adapter.fencedStore(),
  feed,
  memory: { maxEntries: 2 * KEYS, maxBytes: 4 * 1024 ** 3 }
})
while (!feed.stats().isTrusted) await new Promise(resolve => setTimeout(resolve, 10))
printMachine(/redis_version:(\S+)/.exec(await client.info('server'))?.[1] ?? 'unknown')

/** The key is prepared: it is the parameter. */
function family(name: string, options: object): CacheFamily<string, Account> {
  const keys = Object.assign((key: string) => key, { family: name })
  return cache.family<string, Account>(keys, {
    ttlSeconds: 3_600,
    staleSeconds: 60,
    load: key => accountOf(key),
    ...options
  })
}

const keys = Array.from({ length: KEYS }, (_, index) => `${keyspace}:user:${index % 1_000}:account:${index}`)
const keyAt = (index: number) => keys[index] as string

// A hit in Redis.
{
  const bare = new Redis(server.url, { enableAutoPipelining: true })
  const few = keys.slice(0, 1_000)
  const families = [
    family('shared, json', { placement: 'shared', staleSeconds: 0, codec: json({ compression: false }) }),
    family('shared, MessagePack', { placement: 'shared', staleSeconds: 0, codec: messagePack({ compression: false }) })
  ]
  for (const key of few) await bare.set(`bare:${key}`, JSON.stringify(accountOf(key)))
  const contenders = families.map((each, number) => ({
    name: each.name,
    round: async () =>
      concurrently(20_000, CONCURRENCY, async index => {
        const key = `${few[index % few.length]}:${number}`
        return (await each.get(key)).id === key
      })
  }))
  const readBare = {
    name: 'auto-pipelined GET + JSON.parse',
    round: () =>
      concurrently(20_000, CONCURRENCY, async index => {
        const key = few[index % few.length]
        return JSON.parse((await bare.get(`bare:${key}`)) ?? '{}').id === key
      })
  }
  for (const [number, each] of families.entries()) for (const key of few) await each.get(`${key}:${number}`)
  for (const contender of contenders) {
    await compare({
      title: `a hit in Redis, 4 KB, concurrency ${CONCURRENCY}`,
      operations: 20_000,
      expected: 20_000,
      atLeast: 0.9,
      contenders: [readBare, contender]
    })
  }

  // A strong read.
  const strong = family('strong', {})
  for (const key of few) await strong.get(key)
  await new Promise(resolve => setTimeout(resolve, 200))
  for (const key of few) await strong.get(key)
  await compare({
    title: `a strong read, 4 KB, ${CONCURRENCY} readers`,
    operations: 20_000,
    expected: 20_000,
    atLeast: 4,
    contenders: [
      readBare,
      {
        name: 'get, strong',
        round: () =>
          concurrently(20_000, CONCURRENCY, async index => {
            const key = few[index % few.length] as string
            return (await strong.get(key, { consistency: 'strong' })).id === key
          })
      }
    ]
  })
  bare.disconnect()
}

// A tag of 100,000 keys.
{
  const tagged = family('tagged', { tags: () => ['everybody'] })
  const own = keys.map(key => `${key}:tagged`)
  for (let start = 0; start < KEYS; start += 500) {
    await Promise.all(own.slice(start, start + 500).map(key => tagged.get(key)))
  }
  // The first use of a script sends it.
  await cache.invalidateTags(['nobody'])
  const commandsBefore = await commandsDone()
  const started = performance.now()
  const invalidated = await cache.invalidateTags(['everybody'])
  const elapsedMs = performance.now() - started
  const commands = (await commandsDone()) - commandsBefore - 1
  console.log(
    `\na tag of ${KEYS} keys: ok ${invalidated.ok}, ${elapsedMs.toFixed(2)} ms, ${commands} commands from clients (wanted: 1)`
  )
}

// A hit in memory. Last, because a heap of a gigabyte slows everything down that allocates.
{
  const accounts = family('memory', { tags: (key: string) => [key.split(':')[2] ?? ''] })
  const peer = new Loader<Account>({
    inMemoryCache: { cacheType: 'lru-object', ttlInMsecs: 3_600_000, maxItems: 2 * KEYS },
    dataSources: [
      {
        name: 'source',
        get: async (key: string) => accountOf(key),
        getMany: async (some: string[]) => some.map(accountOf)
      }
    ]
  })
  for (let start = 0; start < KEYS; start += 500) {
    const some = keys.slice(start, start + 500)
    await Promise.all(some.map(key => accounts.get(key)))
    await Promise.all(some.map(key => peer.get(key)))
  }
  // What the fills have made suspect is confirmed, once.
  await new Promise(resolve => setTimeout(resolve, 500))
  for (let start = 0; start < KEYS; start += 500) {
    await Promise.all(keys.slice(start, start + 500).map(key => accounts.get(key)))
  }
  const order = zipf(100_000)
  const read = (get: (key: string) => Promise<Account | undefined | null>) => async () => {
    let right = 0
    for (const index of order) {
      const key = keyAt(index)
      if ((await get(key))?.id === key) right++
    }
    return right
  }
  await compare({
    title:
      'a hit in memory, 4 KB, Zipf(0.99) over 100,000 keys, with a tag, a stale window and metrics (wanted: 1.5 times the time)',
    operations: order.length,
    expected: order.length,
    atLeast: 1 / 1.5,
    contenders: [
      { name: "layered-loader's get", round: read(key => peer.get(key)) },
      { name: 'get of a family', round: read(key => accounts.get(key)) }
    ]
  })
}

await cache.close()
await adapter.close()
client.disconnect()

/** Calls that clients have made; what a script does is no call of its own. */
async function commandsDone(): Promise<number> {
  const stats = await client.info('commandstats')
  return [...stats.matchAll(/cmdstat_(evalsha|eval|get|set|del|unlink|scan|incr|info):calls=(\d+)/g)].reduce(
    (sum, [, name, calls]) => (name === 'get' || name === 'set' || name === 'del' ? sum : sum + Number(calls)),
    0
  )
}
