import { fastifyCache } from '@dashtam/fastify-cache'
import { randomPrefix, sharedRedisUrl } from '@dashtam/testkit'
import Fastify, { type FastifyInstance, type FastifyPluginOptions } from 'fastify'
import t from 'tap'

t.test('app.cache reads through, in memory when nothing is said', async t => {
  const app = await boot()
  const products = productsOf(app)
  t.match(await products.family.read({ id: 1 }), { value: { id: 1, version: 0 }, status: 'miss' })
  t.match(await products.family.read({ id: 1 }), { status: 'hit', tier: 'memory' })
  await products.family.mutate({ id: 1 }, () => products.source.versions++)
  t.match(await products.family.get({ id: 1 }), { version: 1 })
  t.equal(products.source.loads, 2)
  await app.close()
})

t.test('app.cache of two apps on one Redis loads once, and follows what the other writes', async t => {
  const options = { keyspace: randomPrefix(), redis: { url: await sharedRedisUrl() } }
  const [one, two] = await Promise.all([boot(options), boot(options)])
  t.teardown(async () => {
    await one.cacheStore.flush()
    await Promise.all([one.close(), two.close()])
  })
  const [here, there] = [productsOf(one, options.keyspace), productsOf(two, options.keyspace)]
  await here.family.get({ id: 1 })
  t.match(await there.family.read({ id: 1 }), { status: 'hit', tier: 'shared' })
  t.match(await there.family.read({ id: 1 }), { status: 'hit', tier: 'memory' })
  here.source.versions = 1
  there.source.versions = 1
  t.match(await here.family.invalidate({ id: 1 }), { ok: true })
  t.match(await there.family.get({ id: 1 }, { consistency: 'strong' }), { version: 1 })
  await one.cache.clear()
})

/** A family whose values say how often their source had changed when they were loaded. */
function productsOf(app: FastifyInstance, keyspace = 'dashtam') {
  const source = { versions: 0, loads: 0 }
  const keys = Object.assign(({ id }: { id: number }) => `${keyspace}:product:${id}`, { family: 'product' })
  const family = app.cache.family(keys, {
    load: ({ id }) => {
      source.loads++
      return { id, version: source.versions }
    }
  })
  return { family, source }
}

async function boot(options: FastifyPluginOptions = {}): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(fastifyCache, options)
  await app.ready()
  return app as FastifyInstance
}
