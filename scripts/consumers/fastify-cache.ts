import assert from 'node:assert/strict'
import { cacheStatus, fastifyCache } from '@dashtam/fastify-cache'
import Fastify from 'fastify'

export async function use(): Promise<void> {
  const app = Fastify()
  await app.register(fastifyCache, { keyspace: 'shop' })
  app.get('/visits', async () => app.cacheStore.increment('shop:visits'))
  await app.inject('/visits')
  assert.deepEqual((await app.inject('/visits')).json(), { ok: true, value: 2 })

  const keys = Object.assign(({ id }: { id: number }) => `shop:product:${id}`, { family: 'product' })
  const products = app.cache.family(keys, { load: ({ id }) => ({ id, name: 'Teapot' }) })
  assert.equal(cacheStatus(await products.read({ id: 1 }), 'shop'), 'shop; fwd=miss')
  assert.equal(cacheStatus(await products.read({ id: 1 }), 'shop'), 'shop; hit')

  assert.equal((await app.inject('/health')).statusCode, 200)
  await app.close()
}
