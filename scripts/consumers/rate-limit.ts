import assert from 'node:assert/strict'
import { MemoryTokenBucket } from '@dashtam/cache-memory'
import { createRateLimiter, rateLimitHeaders } from '@dashtam/rate-limit'
import { fastifyRateLimit } from '@dashtam/rate-limit/fastify'
import Fastify from 'fastify'

export async function use(): Promise<void> {
  const buckets = new MemoryTokenBucket({ keyspace: 'shop' })
  const limiter = createRateLimiter({ buckets, localBuckets: buckets })
  const uses = [{ name: 'user', key: 'shop:limit:1', limit: { capacity: 1, refillSeconds: 60 } }]
  assert.equal((await limiter.consume(uses)).isAllowed, true)
  assert.equal(rateLimitHeaders(await limiter.consume(uses))['retry-after'], '60')

  const app = Fastify()
  await app.register(fastifyRateLimit, {
    buckets,
    localBuckets: buckets,
    limits: { address: { capacity: 1, refillSeconds: 60 } },
    keys: { rateLimit: ({ userId, endpoint }) => `shop:limit:${userId}:${endpoint}` }
  })
  app.get('/', { config: { limits: ['address'] } }, async () => 'here')
  assert.equal((await app.inject('/')).statusCode, 200)
  assert.equal((await app.inject('/')).statusCode, 429)
  await app.close()
}
