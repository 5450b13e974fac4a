import { type AuthorizationPluginOptions, fastifyAuthorization } from '@dashtam/authorization-cache/fastify'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { fastifyCache } from '@dashtam/fastify-cache'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { PolicyStore } from './fixtures/policy.ts'

const keys = defineKeys({ prefix: 'app', secret: 'a secret of at least 32 characters' }, dashtamFamilies)

async function open(t: Test, options: Partial<AuthorizationPluginOptions> = {}) {
  const store = new PolicyStore()
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyCache, { keyspace: keys.prefix })
  await app.register(fastifyAuthorization, {
    keys,
    createEnforcer: store.createEnforcer,
    userOf: ({ headers }) => headers.user as string | undefined,
    ...options
  })
  app.get('/pages', { preHandler: app.requirePermission('pages', 'read') }, async () => 'pages')
  app.get('/admin', { preHandler: app.requireRole('admin', { consistency: 'strong' }) }, async () => 'admin')
  const get = async (url: string, user?: string) => {
    const answer = await app.inject({ url, headers: user === undefined ? {} : { user } })
    return { statusCode: answer.statusCode, code: answer.statusCode === 200 ? undefined : answer.json().code }
  }
  return { app, store, get }
}

t.test('hooks let through whom the policy allows it', async t => {
  const { app, store, get } = await open(t)
  for (const url of ['/pages', '/admin']) {
    t.match(await get(url), { statusCode: 401, code: 'UNAUTHENTICATED' })
    t.match(await get(url, 'ann'), { statusCode: 403, code: 'FORBIDDEN' })
  }
  await app.authorization.change(() => store.grant('ann', 'reader'))
  t.equal((await get('/pages', 'ann')).statusCode, 200)
  t.equal((await get('/admin', 'ann')).statusCode, 403)
  await app.authorization.change(() => store.grant('ann', 'admin'))
  t.equal((await get('/admin', 'ann')).statusCode, 200)
  await app.authorization.change(() => store.revoke('ann', 'admin'))
  t.equal((await get('/admin', 'ann')).statusCode, 403)
})

t.test('a policy that cannot be loaded lets nobody through', async t => {
  const { get } = await open(t, { createEnforcer: () => Promise.reject(new Error('no policy')) })
  t.equal((await get('/pages', 'ann')).statusCode, 500)
})

t.test('wrong options fail the boot, by name', async t => {
  await t.rejects(open(t, { user: 1 } as object), { message: /^unknown option 'user'/ })
  await t.rejects(open(t, { userOf: undefined } as never), { message: 'userOf must be a function' })
  const bare = Fastify()
  t.teardown(() => bare.close())
  const options = { keys, createEnforcer: new PolicyStore().createEnforcer, userOf: () => undefined }
  await t.rejects(async () => bare.register(fastifyAuthorization, options), {
    message: /needs @dashtam\/fastify-cache registered before it, or the option cache$/
  })
})
