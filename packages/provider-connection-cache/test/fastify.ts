import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { createReadThrough } from '@dashtam/cache-tiered'
import { fastifyCache } from '@dashtam/fastify-cache'
import { fastifyProviderConnections } from '@dashtam/provider-connection-cache/fastify'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { encryptingCodec } from './fixtures/fleet.ts'
import { MemoryConnections } from './fixtures/memory-connections.ts'

const keys = defineKeys({ prefix: 'app', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
const ANN = { connectionId: 'c1', provider: 'schwab', userId: 'ann' }
const options = () => ({ keys, source: new MemoryConnections(ANN), tokenCodec: encryptingCodec() })

function bare(t: Test): FastifyInstance {
  const app = Fastify()
  t.teardown(() => app.close())
  return app
}

t.test('the plugin makes app.providerConnections', async t => {
  const app = bare(t)
  await app.register(fastifyCache, { keyspace: keys.prefix })
  await app.register(fastifyProviderConnections, options())
  t.match((await app.providerConnections.get('c1')).value, { id: 'c1' })
  t.match(await app.providerConnections.token(ANN), { accessToken: 'token 1 of c1' })
})

t.test('wrong options fail the boot, by name', async t => {
  const cache = createReadThrough({ keyspace: keys.prefix })
  await t.rejects(async () => bare(t).register(fastifyProviderConnections, { ...options(), cache, ttl: 1 } as never), {
    message: /^unknown option 'ttl'/
  })
  await t.rejects(async () => bare(t).register(fastifyProviderConnections, options()), {
    message: /needs @dashtam\/fastify-cache registered before it, or the option cache$/
  })
})
