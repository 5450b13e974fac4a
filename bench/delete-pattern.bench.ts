// How much faster is deletePattern than SCAN and DEL key by key? 100,000 keys among 1,000,000.
import { createRedisClient, RedisAdapter } from '@dashtam/cache-redis'
import { randomPrefix, startRedis } from '@dashtam/testkit'
import { Redis } from 'ioredis'
import { compare, printMachine } from './compare.ts'

const ALL = 1_000_000
const MATCHING = 100_000

const server = await startRedis()
const bare = new Redis(server.url)
const keyspace = randomPrefix()
const adapter = new RedisAdapter({ keyspace, client: createRedisClient({ url: server.url }), closesClient: true })
printMachine(/redis_version:(\S+)/.exec(await bare.info('server'))?.[1] ?? '?')
await write(`${keyspace}:kept:`, ALL - MATCHING)

await compare({
  title: `deletePattern of ${MATCHING.toLocaleString('en')} keys among ${ALL.toLocaleString('en')}`,
  operations: MATCHING,
  expected: MATCHING,
  atLeast: 12,
  rounds: 3,
  prepare: () => write(`${keyspace}:user:`, MATCHING),
  contenders: [
    { name: 'SCAN, DEL key by key', round: scanAndDelete },
    {
      name: 'RedisAdapter.deletePattern',
      round: async () => {
        const deleted = await adapter.deletePattern(`${keyspace}:user:*`)
        return deleted.ok && deleted.value
      }
    }
  ]
})

await adapter.close()
bare.disconnect()
await server.stop()

/** The plain way: a page, then each of its keys, each awaited. */
async function scanAndDelete(): Promise<number> {
  let deleted = 0
  let cursor = '0'
  do {
    const [next, page] = await bare.scan(cursor, 'MATCH', `${keyspace}:user:*`)
    for (const key of page) deleted += await bare.del(key)
    cursor = next
  } while (cursor !== '0')
  return deleted
}

async function write(prefix: string, count: number): Promise<void> {
  for (let start = 0; start < count; start += 10_000) {
    const pipeline = bare.pipeline()
    for (let index = start; index < Math.min(start + 10_000, count); index++) pipeline.set(`${prefix}${index}`, 'v')
    await pipeline.exec()
  }
}
