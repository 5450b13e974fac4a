import assert from 'node:assert/strict'
import { fastifyCache } from '@dashtam/fastify-cache'
import Fastify from 'fastify'

export async function use(): Promise<void> {
  const app = Fastify()
  await app.register(fastifyCache, { keyspace: 'shop' })
  app.get('/visits', async () => app.cacheStore.increment('shop:visits'))
  await app.inject('/visits')
  assert.deepEqual((await app.inject('/visits')).json(), { ok: true, value: 2 })
  assert.equal((await app.inject('/health')).statusCode, 200)
  await app.close()
}
