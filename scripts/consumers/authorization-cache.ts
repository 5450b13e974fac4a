import assert from 'node:assert/strict'
import { createAuthorizationCache } from '@dashtam/authorization-cache'
import { fastifyAuthorization } from '@dashtam/authorization-cache/fastify'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { createReadThrough } from '@dashtam/cache-tiered'
import Fastify from 'fastify'

export async function use(): Promise<void> {
  const keys = defineKeys({ prefix: 'shop', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
  const admins = new Set(['1'])
  const createEnforcer = async () => ({
    enforce: async (userId: unknown) => admins.has(String(userId)),
    getImplicitRolesForUser: async (userId: string) => (admins.has(userId) ? ['admin'] : [])
  })
  const cache = createReadThrough({ keyspace: 'shop' })
  const authorization = createAuthorizationCache({ cache, keys, createEnforcer })
  assert.equal(await authorization.isAllowed({ userId: '2', resource: 'users', action: 'read' }), false)
  await authorization.change(() => admins.add('2'))
  assert.equal(await authorization.isAllowed({ userId: '2', resource: 'users', action: 'read' }), true)
  await cache.close()

  const app = Fastify()
  const own = createReadThrough({ keyspace: 'shop' })
  await app.register(fastifyAuthorization, { cache: own, keys, createEnforcer, userOf: () => '3' })
  app.get('/', { preHandler: app.requireRole('admin') }, async () => 'here')
  assert.equal((await app.inject('/')).statusCode, 403)
  await app.close()
  await own.close()
}
