import { MemoryTokenBucket } from '@dashtam/cache-memory'
import type { CacheError, TokenBucket } from '@dashtam/cache-protocol'
import { createRedisClient, RedisAdapter } from '@dashtam/cache-redis'
import { createRateLimiter, type LimitUse, type RateLimiterOptions } from '@dashtam/rate-limit'
import { startRedis } from '@dashtam/testkit'
import t from 'tap'

/** A token a minute. */
const TEN = { capacity: 10, refillSeconds: 600 }
const use = (key: string, options: Partial<LimitUse> = {}): LimitUse => ({
  name: 'user',
  key: `app:${key}`,
  limit: TEN,
  ...options
})

/** A limiter over buckets in memory that count how often they are asked. */
function open(options: Partial<RateLimiterOptions> = {}) {
  const time = { nowMs: 1_000_000 }
  const clock = () => time.nowMs
  const memory = new MemoryTokenBucket({ keyspace: 'app', clock })
  const asked: string[] = []
  const buckets: TokenBucket = {
    take: (key, limit, cost) => {
      asked.push(key)
      return memory.take(key, limit, cost)
    },
    peek: (key, limit, cost) => memory.peek(key, limit, cost),
    give: (key, limit, tokens) => memory.give(key, limit, tokens),
    reset: key => memory.reset(key)
  }
  const localBuckets = new MemoryTokenBucket({ keyspace: 'app', clock })
  return { time, asked, limiter: createRateLimiter({ buckets, localBuckets, clock, ...options }) }
}

t.test('consume() lets through as many requests as the limit has tokens', async t => {
  const { limiter, time } = open()
  for (let remaining = 9; remaining >= 0; remaining--) {
    const { isAllowed, retryAfterMs, limits } = await limiter.consume([use('a')])
    t.match({ isAllowed, retryAfterMs }, { isAllowed: true, retryAfterMs: 0 })
    t.match(limits, [{ name: 'user', limit: TEN, remaining, source: 'shared' }])
  }
  t.match(await limiter.consume([use('a')]), { isAllowed: false, retryAfterMs: 60_000 })
  t.match(await limiter.consume([use('b')]), { isAllowed: true }, 'another has a bucket of his own')
  time.nowMs += 60_000
  t.match(await limiter.consume([use('a')]), { isAllowed: true })
  t.match(limiter.stats(), { allowed: 12, refused: 1, remembered: 0 })
})

t.test('consume() takes from all limits or from none', async t => {
  const { limiter } = open()
  const address = use('address', { name: 'address', limit: { capacity: 2, refillSeconds: 60 } })
  for (let index = 0; index < 2; index++) t.ok((await limiter.consume([use('a'), address])).isAllowed)
  const refused = await limiter.consume([use('a'), address])
  t.match(refused, {
    isAllowed: false,
    retryAfterMs: 30_000,
    limits: [
      { name: 'user', isAllowed: true, remaining: 8 },
      { name: 'address', isAllowed: false, remaining: 0 }
    ]
  })
  t.match(await limiter.peek([use('a')]), { limits: [{ remaining: 8 }] }, 'given back')
})

t.test('consume() takes what a request costs', async t => {
  const { limiter } = open()
  t.match(await limiter.consume([use('a', { cost: 7 })]), { isAllowed: true, limits: [{ remaining: 3 }] })
  t.match(await limiter.consume([use('a', { cost: 4 })]), { isAllowed: false, retryAfterMs: 60_000 })
  t.match(await limiter.consume([use('a', { cost: 3 })]), { isAllowed: true, limits: [{ remaining: 0 }] })
})

t.test('consume() does not ask again for what cannot be there yet', async t => {
  const { limiter, asked, time } = open()
  await limiter.consume([use('a', { cost: 10 })])
  await limiter.consume([use('a')])
  asked.length = 0
  time.nowMs += 20_000
  const again = await limiter.consume([use('other'), use('a')])
  t.match(again, { isAllowed: false, retryAfterMs: 40_000, limits: [{ remaining: 0, source: 'remembered' }] })
  t.match(again.limits, [{ fullAfterMs: 580_000 }])
  t.match(await limiter.consume([use('a', { cost: 3 })]), { retryAfterMs: 160_000 }, 'nor for more')
  t.strictSame(asked, [])
  time.nowMs += 40_000
  t.match(await limiter.consume([use('a')]), { isAllowed: true })
  t.match(await limiter.consume([use('a', { cost: 5 })]), { isAllowed: false, retryAfterMs: 300_000 })
  time.nowMs += 60_000
  t.match(await limiter.consume([use('a')]), { isAllowed: true }, 'but for less')
  t.equal(limiter.stats().remembered, 2)
})

t.test('consume() remembers no more than it is to, and nothing that has been given back', async t => {
  const { limiter, asked } = open({ maxRefusals: 2 })
  for (const key of ['a', 'b', 'c']) await limiter.consume([use(key, { cost: 10 })])
  for (const key of ['a', 'b', 'c']) await limiter.consume([use(key)])
  asked.length = 0
  for (const key of ['b', 'c', 'a']) await limiter.consume([use(key)])
  t.strictSame(asked, ['app:a'], 'the oldest is forgotten')
  const d = await limiter.consume([use('d', { cost: 10 })])
  await limiter.consume([use('d')])
  await limiter.giveBack([use('d', { cost: 10 })], d)
  t.match(await limiter.consume([use('d')]), { isAllowed: true, limits: [{ remaining: 9 }] })
  await limiter.reset([use('a')])
  t.match(await limiter.consume([use('a')]), { isAllowed: true, limits: [{ remaining: 9 }] })
  const forgetful = open({ maxRefusals: 0 })
  await forgetful.limiter.consume([use('a', { cost: 10 })])
  for (let index = 0; index < 2; index++) await forgetful.limiter.consume([use('a')])
  t.equal(forgetful.asked.length, 3)
})

t.test('a refusal that is on its way during a reset is not remembered', async t => {
  const { limiter } = open()
  await limiter.consume([use('a', { cost: 10 })])
  const refused = limiter.consume([use('a')])
  await limiter.reset([use('a')])
  await refused
  t.match(await limiter.consume([use('a')]), { isAllowed: true })
})

t.test('of several limits that are known to refuse the last one says when to try again', async t => {
  const { limiter } = open()
  const [short, long] = [
    use('short', { limit: { capacity: 1, refillSeconds: 1 } }),
    use('long', { limit: { capacity: 1, refillSeconds: 60 } })
  ]
  for (const each of [short, long]) for (let index = 0; index < 2; index++) await limiter.consume([each])
  t.match(await limiter.consume([short, long]), {
    retryAfterMs: 60_000,
    limits: [{ source: 'remembered' }, { source: 'remembered' }]
  })
})

t.test('a use that is wrong takes nothing from the others', async t => {
  const { limiter } = open()
  await t.rejects(limiter.consume([use('a'), use('b', { cost: 11 })]), TypeError)
  t.match(await limiter.peek([use('a')]), { limits: [{ remaining: 10 }] })
})

t.test('peek() takes nothing', async t => {
  const { limiter } = open()
  for (let looks = 0; looks < 20; looks++) t.match(await limiter.peek([use('a')]), { isAllowed: true })
  await limiter.consume([use('a', { cost: 10 })])
  t.match(await limiter.peek([use('a')]), { isAllowed: false, retryAfterMs: 60_000, limits: [{ remaining: 0 }] })
})

t.test('without limits everything is let through', async t => {
  t.strictSame(await open().limiter.consume([]), { isAllowed: true, retryAfterMs: 0, limits: [] })
})

t.test('a Redis that is away costs all but a share of the quota, and nothing when it is back', async t => {
  await using server = await startRedis()
  const errors: CacheError[] = []
  const adapter = new RedisAdapter({
    keyspace: 'app',
    client: createRedisClient({ url: server.url }),
    closesClient: true
  })
  t.teardown(() => adapter.close())
  const limiterWith = (localShare?: number) =>
    createRateLimiter({
      buckets: adapter.tokenBucket(),
      localBuckets: new MemoryTokenBucket({ keyspace: 'app' }),
      onError: error => errors.push(error),
      ...(localShare !== undefined && { localShare })
    })
  const limiter = limiterWith()
  t.match(await limiter.consume([use('a')]), { isAllowed: true, limits: [{ source: 'shared', remaining: 9 }] })
  await server.freeze()
  const decisions = await Promise.all(Array.from({ length: 20 }, () => limiter.consume([use('a')])))
  t.equal(decisions.filter(({ isAllowed }) => isAllowed).length, 2, 'a quarter of 10')
  for (const { limits } of decisions) t.match(limits, [{ source: 'local' }])
  t.match(errors, [{ code: 'CACHE_BUCKET_ERROR', reason: 'timeout' }])
  t.notOk(JSON.stringify(errors).includes('app:a'))
  t.match(
    await limiter.consume([use('b', { cost: 10 })]),
    { isAllowed: true },
    'one that costs more than the share takes it'
  )
  t.match(await limiter.consume([use('b')]), { isAllowed: false })
  t.match(await limiter.peek([use('b')]), { isAllowed: false, limits: [{ source: 'local' }] })
  const costly = await limiter.consume([use('e', { cost: 5 })])
  t.match(
    costly,
    { isAllowed: true, limits: [{ remaining: 1, source: 'local' }] },
    'half of the whole is half of the share'
  )
  const closed = limiterWith(0)
  t.match(await closed.consume([use('c')]), { isAllowed: false, retryAfterMs: 1_000 })
  t.match(await closed.peek([use('c')]), { isAllowed: false, retryAfterMs: 1_000 })
  t.match(limiter.stats(), { allowed: 1, allowedLocally: 4, refusedLocally: 19 })
  await server.resume()
  await untilShared()
  await limiter.giveBack([use('e', { cost: 5 })], costly)
  t.match(await limiter.peek([use('e')]), { limits: [{ remaining: 10 }] }, 'given back where it was taken')
  t.match(await limiter.consume([use('d')]), { isAllowed: true, limits: [{ source: 'shared' }] })

  async function untilShared() {
    for (let tries = 0; tries < 500; tries++) {
      const [limit] = (await limiter.peek([use('a')])).limits
      if (limit?.source === 'shared') return
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    t.fail('Redis is not back')
  }
})

t.test('what two limits take while Redis goes away between them is given back where it was taken', async t => {
  const { limiter } = open({
    buckets: {
      ...failing(),
      take: async (key, limit, cost) =>
        key === 'app:away'
          ? failing().take(key, limit, cost)
          : new MemoryTokenBucket({ keyspace: 'app' }).take(key, limit, cost)
    },
    localShare: 0.1
  })
  const away = use('away')
  t.match(await limiter.consume([away]), { isAllowed: true, limits: [{ source: 'local' }] })
  t.match(await limiter.consume([use('a'), away]), { isAllowed: false })
})

t.test('wrong arguments are told at once', async t => {
  const { limiter } = open()
  await t.rejects(limiter.consume([use('a', { limit: { capacity: 0, refillSeconds: 60 } })]), {
    name: 'TypeError',
    message: 'capacity must be an integer from 1 to 10000000, got 0'
  })
  await t.rejects(limiter.consume([use('a', { cost: 11 })]), {
    message: 'the tokens must be an integer from 1 to the capacity of 10, got 11'
  })
  await t.rejects(limiter.peek([{ ...use('a'), key: 'foreign:a' }]), TypeError)
  for (const localShare of [-0.1, 1.1, Number.NaN, '1' as unknown as number]) {
    t.throws(() => open({ localShare }), {
      name: 'TypeError',
      message: /^localShare must be a number from 0 to 1, got/
    })
  }
  for (const maxRefusals of [-1, 0.5, Number.NaN]) {
    t.throws(() => open({ maxRefusals }), {
      name: 'TypeError',
      message: `maxRefusals must be an integer of at least 0, got ${maxRefusals}`
    })
  }
})

function failing(): TokenBucket {
  const fails = async () => ({
    ok: false as const,
    error: {
      code: 'CACHE_BUCKET_ERROR' as const,
      reason: 'connection' as const,
      message: 'away',
      details: { operation: 'takeTokens' as const }
    }
  })
  return { take: fails, peek: fails, give: fails, reset: fails }
}
