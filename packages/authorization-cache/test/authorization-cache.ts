import { createAuthorizationCache } from '@dashtam/authorization-cache'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { createRedisClient, RedisAdapter } from '@dashtam/cache-redis'
import { createReadThrough } from '@dashtam/cache-tiered'
import { startRedis } from '@dashtam/testkit'
import t from 'tap'
import { Enforcers } from '../src/enforcers.ts'
import { openFleet } from './fixtures/fleet.ts'
import { PolicyStore } from './fixtures/policy.ts'

const keys = defineKeys({ prefix: 'app', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
const WRITE = { userId: 'ann', resource: 'users', action: 'write' }

function open() {
  const store = new PolicyStore()
  const cache = createReadThrough({ keyspace: 'app' })
  return {
    store,
    cache,
    authorization: createAuthorizationCache({ cache, keys, createEnforcer: store.createEnforcer })
  }
}

t.test('a decision is made once, and a change is obeyed at once', async t => {
  const { store, authorization } = open()
  t.equal(await authorization.isAllowed(WRITE), false)
  t.equal(await authorization.hasRole('ann', 'reader'), false)
  const { value, invalidation } = await authorization.change(() => {
    store.grant('ann', 'admin')
    return 'granted'
  })
  t.strictSame([value, invalidation], ['granted', { ok: true, value: undefined }])
  t.equal(await authorization.isAllowed(WRITE), true)
  t.equal(await authorization.hasRole('ann', 'reader'), true, 'through editor')
  t.equal(await authorization.hasRole('ann', 'owner'), false)
  const { loads } = store
  for (let checks = 0; checks < 100; checks++) await authorization.isAllowed(WRITE)
  for (let checks = 0; checks < 100; checks++) await authorization.isAllowed({ ...WRITE, resource: `r${checks}` })
  t.equal(store.loads, loads, 'the policy is loaded once for each change')
  await authorization.change(() => store.revoke('ann', 'admin'))
  t.equal(await authorization.isAllowed(WRITE), false)
})

t.test('a role is not taken for a permission', async t => {
  const { store, authorization } = open()
  store.grant('ann', 'admin')
  t.equal(await authorization.hasRole('ann', 'admin'), true)
  await t.rejects(authorization.isAllowed({ userId: 'ann', resource: 'admin', action: '' }), {
    name: 'TypeError',
    message: 'action must not be empty'
  })
})

t.test('a change that fails changes nothing, and one that Casbin cannot load is told', async t => {
  const { store, authorization } = open()
  t.equal(await authorization.isAllowed(WRITE), false)
  await t.rejects(
    authorization.change(() => {
      throw new Error('no storage')
    }),
    { message: 'no storage' }
  )
  t.equal(await authorization.isAllowed(WRITE), false)
  let isBroken = true
  const cache = createReadThrough({ keyspace: 'app' })
  const flaky = createAuthorizationCache({
    cache,
    keys,
    createEnforcer: () => (isBroken ? Promise.reject(new Error('no policy')) : store.createEnforcer())
  })
  await t.rejects(flaky.isAllowed(WRITE), { message: 'no policy' })
  isBroken = false
  t.equal(await flaky.isAllowed(WRITE), false)
})

t.test('other processes obey within the coherence lag, and load the policy once', async t => {
  const { store, fleet } = await openFleet(t, 3)
  for (const cache of fleet) for (let reads = 0; reads < 3; reads++) t.equal(await cache.isAllowed(WRITE), false)
  const [first] = fleet
  await first?.change(() => store.grant('ann', 'admin'))
  const startedAtMs = performance.now()
  for (const cache of fleet) while (!(await cache.isAllowed(WRITE))) await new Promise(setImmediate)
  t.ok(performance.now() - startedAtMs < 1_000)
  t.ok(store.loads <= 2 * fleet.length, `${store.loads} loads`)
})

t.test('without Redis Casbin itself decides', async t => {
  await using server = await startRedis()
  const store = new PolicyStore()
  const adapter = new RedisAdapter({
    keyspace: 'app',
    client: createRedisClient({ url: server.url }),
    closesClient: true
  })
  const cache = createReadThrough({ keyspace: 'app', ...adapter.readThroughBackend() })
  const authorization = createAuthorizationCache({ cache, keys, createEnforcer: store.createEnforcer })
  t.equal(await authorization.isAllowed(WRITE), false)
  await server.freeze()
  t.equal(await authorization.isAllowed({ ...WRITE, userId: 'bob' }), false)
  const changed = await authorization.change(() => store.grant('ann', 'admin'))
  t.match(changed.invalidation, { ok: false, error: { reason: 'pending' } })
  t.equal(await authorization.isAllowed(WRITE), true, 'the process that makes a change obeys it all the same')
  t.equal(await authorization.isAllowed(WRITE, { consistency: 'strong' }), true)
  await server.resume()
  await cache.close()
  await adapter.close()
})

t.test('policies are loaded one after the other, and shared by all who may', async t => {
  let loads = 0
  let underWay = 0
  const enforcers = new Enforcers(async () => {
    loads++
    underWay++
    t.equal(underWay, 1)
    await new Promise(resolve => setTimeout(resolve, 20))
    underWay--
    return new PolicyStore().createEnforcer()
  })
  const first = enforcers.at('1')
  await new Promise(setImmediate)
  t.equal(enforcers.at('1'), first)
  const others = Array.from({ length: 50 }, (_, index) => enforcers.at(`${index + 2}`))
  t.equal(new Set(others).size, 1, 'one for all that came while the first was loaded')
  t.not(others[0], first)
  await Promise.all(others)
  t.equal(loads, 2)
})

t.test('a policy that never comes holds up no other', async t => {
  let loads = 0
  const { promise: never } = Promise.withResolvers<never>()
  const enforcers = new Enforcers(() => (++loads === 1 ? never : new PolicyStore().createEnforcer()), 100)
  void enforcers.at('1')
  await new Promise(setImmediate)
  // The wait of the enforcers keeps no process alive.
  const alive = setTimeout(() => undefined, 10_000)
  t.teardown(() => clearTimeout(alive))
  const startedMs = performance.now()
  t.ok(await enforcers.at('2'))
  t.ok(performance.now() - startedMs > 90, 'it is waited for')
  t.equal(loads, 2)
})

t.test('wrong options are told', async t => {
  const cache = createReadThrough({ keyspace: 'app' })
  t.throws(() => createAuthorizationCache({ cache, keys } as never), { message: 'createEnforcer must be a function' })
})
