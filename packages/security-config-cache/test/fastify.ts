import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { createReadThrough } from '@dashtam/cache-tiered'
import { fastifyCache } from '@dashtam/fastify-cache'
import { fastifySecurityConfig } from '@dashtam/security-config-cache/fastify'
import Fastify from 'fastify'
import t from 'tap'
import { MemoryVersions } from './fixtures/memory-versions.ts'

const keys = defineKeys({ prefix: 'app', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
const repository = new MemoryVersions()

t.test('the plugin makes app.securityConfig', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyCache, { keyspace: keys.prefix })
  await app.register(fastifySecurityConfig, { keys, repository })
  t.strictSame(await app.securityConfig.versionsOf('ann'), { global: 1, user: 1 })
  await app.securityConfig.rotateUser('ann')
  t.notOk(await app.securityConfig.isCurrent('ann', { global: 1, user: 1 }))
})

t.test('wrong options fail the boot, by name', async t => {
  const cache = createReadThrough({ keyspace: keys.prefix })
  const bare = Fastify()
  t.teardown(() => bare.close())
  await t.rejects(async () => bare.register(fastifySecurityConfig, { keys, repository, cache, ttl: 1 } as never), {
    message: /^unknown option 'ttl'/
  })
  const other = Fastify()
  t.teardown(() => other.close())
  await t.rejects(async () => other.register(fastifySecurityConfig, { keys, repository }), {
    message: /needs @dashtam\/fastify-cache registered before it, or the option cache$/
  })
})
