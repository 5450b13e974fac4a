import assert from 'node:assert/strict'
import { createRedisClient, RedisAdapter } from '@dashtam/cache-redis'
import { fastifyRedisCache } from '@dashtam/cache-redis/fastify'
import Fastify from 'fastify'

/** Where nothing listens: a client needs a Redis, and this one is to work without. */
const url = 'redis://127.0.0.1:1'

export async function use(): Promise<void> {
  const cache = new RedisAdapter({ keyspace: 'shop', client: createRedisClient({ url }), closesClient: true })
  const found = await cache.get('shop:basket:1')
  assert.equal(found.ok === false && found.error.reason, 'connection')
  await cache.close()

  const app = Fastify()
  await app.register(fastifyRedisCache, { url, keyspace: 'shop', bootTimeoutMs: 10 })
  const pong = await app.redisCache.ping()
  assert.equal(pong.ok, false)
  await app.close()
}
