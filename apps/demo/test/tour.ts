import { startBrokerage } from '@dashtam/brokerage'
import { createTestDatabase, randomPrefix, startRedis } from '@dashtam/testkit'
import t from 'tap'
import { tableOf } from '../scripts/tour/table.ts'
import { type Row, type TourOptions, takeTour } from '../scripts/tour/tour.ts'
import { openDemo } from './fixtures/demo.ts'

t.setTimeout(120_000)

const LATENCY_MS = 150
/** As operators have it by default. */
const RATE_LIMIT_API_PER_MINUTE = '100'

const database = await createTestDatabase()
const redis = await startRedis()
const brokerage = await startBrokerage({ faults: { latencyMs: LATENCY_MS } })
t.teardown(async () => {
  await brokerage.close()
  await redis.stop()
  await database.drop()
})

interface Place {
  readonly instances: number
  readonly redisUrl?: string
}

async function tourOf({ instances, redisUrl }: Place, onStep?: TourOptions['onStep']): Promise<Row[]> {
  const environment = {
    DATABASE_URL: database.url,
    BROKERAGE_URL: brokerage.url,
    RATE_LIMIT_API_PER_MINUTE,
    CACHE_KEY_PREFIX: randomPrefix(),
    ...(redisUrl !== undefined && { REDIS_URL: redisUrl })
  }
  const apps = await Promise.all(Array.from({ length: instances }, () => openDemo(environment)))
  try {
    const addresses = await Promise.all(apps.map(app => app.listen({ port: 0, host: '127.0.0.1' })))
    const rows = await takeTour({ addresses, ...(onStep && { onStep }) })
    t.comment(`\n${tableOf(rows)}`)
    return rows
  } finally {
    await Promise.all(apps.map(app => app.close()))
  }
}

const rowOf = (rows: readonly Row[], step: string) => rows.find(row => row.step === step)
const FROM_PROVIDER = ['read the connection', 'read transactions', 'turn the page']
const FROM_DATABASE = ['read the profile', 'list the connections', 'list the accounts', 'read an account']

for (const [what, place] of Object.entries({
  'in memory, one instance': { instances: 1 },
  'on Redis, one instance': { instances: 1, redisUrl: redis.url },
  'on Redis, two instances': { instances: 2, redisUrl: redis.url }
} satisfies Record<string, Place>)) {
  t.test(`the tour passes ${what}`, async t => {
    const rows = await tourOf(place)
    t.ok(rows.length >= 25)
    for (const step of [...FROM_PROVIDER, ...FROM_DATABASE]) {
      const { cold, warm } = rowOf(rows, step) ?? {}
      t.ok((cold?.readMs ?? 0) >= 10 * (warm?.readMs ?? Infinity), `${step}: ${cold?.readMs} -> ${warm?.readMs} ms`)
      t.equal(warm?.source, 'L1', step)
      t.equal(warm?.database, 0, step)
      t.equal(warm?.provider, 0, step)
    }
    for (const step of FROM_PROVIDER) {
      const { cold, warm } = rowOf(rows, step) ?? {}
      t.ok(
        (cold?.ms ?? 0) >= 10 * (warm?.ms ?? Infinity),
        `${step}: ${cold?.ms} -> ${warm?.ms} ms with all that is beside it`
      )
    }
  })
}

for (const instances of [1, 2]) {
  t.test(`the tour passes with ${instances} when Redis stops half-way`, async t => {
    const rows = await tourOf({ instances, redisUrl: redis.url }, async step => {
      if (step === 'sync') await redis.stop()
    })
    t.ok(rows.length >= 25)
    await redis.restart()
  })
}

t.test('a connection is not begun without Redis, and told so', async t => {
  const stopped = tourOf({ instances: 1, redisUrl: redis.url }, async step => {
    if (step === 'begin to connect') await redis.stop()
  })
  await t.rejects(stopped, { message: /begin to connect: .*"status":503,"detail":"The state cannot be checked now/ })
  await redis.restart()
})
