import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { createReadThrough } from '@dashtam/cache-tiered'
import {
  createSecurityConfigCache,
  type SecurityConfigCache,
  type SecurityConfigCacheOptions
} from '@dashtam/security-config-cache'
import { registerSecurityConfigMetrics } from '@dashtam/security-config-cache/prometheus'
import { sharedRedisUrl, startFaultProxy, startRedis } from '@dashtam/testkit'
import { Registry } from 'prom-client'
import t from 'tap'
import { openFleet } from './fixtures/fleet.ts'
import { MemoryVersions } from './fixtures/memory-versions.ts'

const keys = defineKeys({ prefix: 'app', secret: 'a secret of at least 32 characters' }, dashtamFamilies)

function open(options: Partial<SecurityConfigCacheOptions> = {}) {
  const repository = new MemoryVersions()
  const cache = createReadThrough({ keyspace: 'app' })
  return { repository, securityConfig: createSecurityConfigCache({ cache, keys, repository, ...options }) }
}

async function issue(securityConfig: SecurityConfigCache | undefined, userId: string) {
  const versions = await securityConfig?.versionsOf(userId)
  if (versions === undefined) throw new Error('there is no such user')
  return versions
}

t.test('a rotation of a user makes his tokens worth nothing, and those of nobody else', async t => {
  const { securityConfig } = open()
  const [ann, bob] = [await issue(securityConfig, 'ann'), await issue(securityConfig, 'bob')]
  t.ok(await securityConfig.isCurrent('ann', ann))
  t.match(await securityConfig.rotateUser('ann'), { value: 2, invalidation: { ok: true } })
  t.notOk(await securityConfig.isCurrent('ann', ann))
  t.ok(await securityConfig.isCurrent('bob', bob))
  t.ok(await securityConfig.isCurrent('ann', await issue(securityConfig, 'ann')))
})

t.test('a rotation of all makes the tokens of everybody worth nothing', async t => {
  const { securityConfig } = open()
  const [ann, bob] = [await issue(securityConfig, 'ann'), await issue(securityConfig, 'bob')]
  t.match(await securityConfig.rotateGlobal(), { value: 2, invalidation: { ok: true } })
  t.notOk(await securityConfig.isCurrent('ann', ann))
  t.notOk(await securityConfig.isCurrent('bob', bob))
  t.strictSame(await securityConfig.versionsOf('bob'), { global: 2, user: 1 })
  t.strictSame(securityConfig.stats(), { current: 0, outdated: 2, rotated: 1 })
})

t.test('the repository is asked once for what many want to know', async t => {
  const { repository, securityConfig } = open()
  const issued = await issue(securityConfig, 'ann')
  for (let checks = 0; checks < 100; checks++) t.ok(await securityConfig.isCurrent('ann', issued))
  await Promise.all(Array.from({ length: 100 }, () => securityConfig.isCurrent('ann', issued)))
  t.equal(repository.reads, 2, 'once for everybody, and once for the user')
})

t.test('nobody is a user who is not there, and asking for him fills nothing', async t => {
  const { repository, securityConfig } = open()
  t.equal(await securityConfig.versionsOf('eve'), undefined)
  t.notOk(await securityConfig.isCurrent('eve', { global: 9, user: 9 }))
  t.match(await securityConfig.rotateUser('eve'), { value: undefined })
  t.equal(securityConfig.stats().rotated, 0)
  const { reads } = repository
  await securityConfig.versionsOf('eve')
  t.equal(repository.reads, reads + 1)
})

t.test('a token that says of its versions what they cannot be is not current', async t => {
  const { securityConfig } = open()
  for (const wrong of [undefined, null, '1', 1.5, Number.NaN, Infinity, {}, [1], true]) {
    t.notOk(await securityConfig.isCurrent('ann', { global: wrong, user: 1 } as never), String(wrong))
    t.notOk(await securityConfig.isCurrent('ann', { global: 1, user: wrong } as never), String(wrong))
  }
  t.ok(await securityConfig.isCurrent('ann', { global: 1, user: 1 }))
})

t.test('a rotation that fails is told, and the versions are what they are', async t => {
  const { repository, securityConfig } = open()
  const issued = await issue(securityConfig, 'ann')
  repository.before = () => {
    throw new Error('no database')
  }
  await t.rejects(securityConfig.rotateUser('ann'), { message: 'no database' })
  await t.rejects(securityConfig.rotateGlobal(), { message: 'no database' })
  await t.rejects(securityConfig.isCurrent('ann', issued), { message: 'no database' }, 'nobody guesses')
  repository.before = () => undefined
  t.ok(await securityConfig.isCurrent('ann', issued))
})

t.test('what was read before a rotation is not kept after it', async t => {
  const { repository, securityConfig } = open()
  const release = Promise.withResolvers<void>()
  repository.before = statement => (statement === 'find' ? release.promise : undefined)
  const early = securityConfig.versionsOf('ann')
  await securityConfig.rotateUser('ann')
  await securityConfig.rotateGlobal()
  release.resolve()
  await early
  t.strictSame(await securityConfig.versionsOf('ann'), { global: 2, user: 2 })
})

t.test('a rotation is obeyed at once by every process, however late it hears of it', async t => {
  const url = await sharedRedisUrl()
  await using late = await startFaultProxy(url, { seed: 7 })
  const { fleet } = await openFleet(t, [url, late.url])
  const [here, there] = fleet
  late.toClient.delay({ maxMs: 20 })
  for (let round = 0; round < 10; round++) {
    const issued = await issue(there, 'ann')
    t.ok(await there?.isCurrent('ann', issued))
    await (round % 2 === 0 ? here?.rotateUser('ann') : here?.rotateGlobal())
    t.notOk(await there?.isCurrent('ann', issued))
  }
})

t.test('without Redis the repository answers, and a rotation is obeyed where it is made', async t => {
  await using server = await startRedis()
  const { repository, fleet } = await openFleet(t, [server.url])
  const [securityConfig] = fleet
  const issued = await issue(securityConfig, 'ann')
  for (const trouble of ['freeze', 'stop'] as const) {
    await server[trouble]()
    const { reads } = repository
    const before = await issue(securityConfig, 'ann')
    t.ok(repository.reads > reads, trouble)
    t.match(await securityConfig?.rotateUser('ann'), { invalidation: { ok: false, error: { reason: 'pending' } } })
    t.notOk(await securityConfig?.isCurrent('ann', before))
    if (trouble === 'freeze') await server.resume()
  }
  t.notOk(await securityConfig?.isCurrent('ann', issued))
  await server.restart()
})

t.test('a repository that answers no version lets nobody through, and is named', async t => {
  for (const [answer, got] of [
    [null, 'null'],
    ['1', 'string'],
    [1n, 'bigint'],
    [-5, '-5'],
    [1.5, '1.5'],
    [undefined, 'undefined']
  ] as const) {
    const { repository, securityConfig } = open()
    repository.findGlobalVersion = async () => answer as never
    const message = `repository.findGlobalVersion must answer a safe integer of at least 0, got ${got}`
    await t.rejects(securityConfig.isCurrent('ann', { global: 1, user: 1 }), new TypeError(message))
  }
  const { repository, securityConfig } = open()
  repository.findUserVersion = async () => null as never
  await t.rejects(securityConfig.versionsOf('ann'), { message: /^repository\.findUserVersion .* got null$/ })
})

t.test('a token without versions, or of nobody, is worth nothing', async t => {
  const { securityConfig } = open()
  for (const issued of [undefined, null, 5, 'x', {}, { global: 1 }, { global: '1', user: '1' }]) {
    t.notOk(await securityConfig.isCurrent('ann', issued as never), JSON.stringify(issued))
  }
  for (const nobody of [undefined, null, {}, 1.5, 7]) {
    t.notOk(await securityConfig.isCurrent(nobody as never, { global: 9, user: 9 }), String(nobody))
  }
})

t.test('a user whose id is a number is the one that his text is', async t => {
  const { repository, securityConfig } = open()
  repository.findUserVersion = async () => 1
  t.ok(await securityConfig.isCurrent(7 as never, { global: 1, user: 1 }))
})

t.test('what happens is counted', async t => {
  const { securityConfig } = open()
  const registry = new Registry()
  registerSecurityConfigMetrics(securityConfig, { registry })
  const issued = await issue(securityConfig, 'ann')
  await securityConfig.isCurrent('ann', issued)
  await securityConfig.rotateUser('ann')
  await securityConfig.isCurrent('ann', issued)
  const metrics = await registry.metrics()
  for (const event of ['current', 'outdated', 'rotated']) {
    t.match(metrics, `dashtam_security_config_events_total{event="${event}"} 1`)
  }
})

t.test('wrong options are told', async t => {
  const wrongs = [
    [{ repository: undefined }, 'repository must have the function findGlobalVersion'],
    [{ cache: undefined }, 'cache must have the function family'],
    [{ keys: {} }, 'keys must have the function securityGlobalVersion'],
    [{ ttl: 1 }, "unknown option 'ttl'; known are cache, keys, repository, ttlSeconds"]
  ] as const
  for (const [options, message] of wrongs) t.throws(() => open(options as never), { name: 'TypeError', message })
  const half = Object.assign(new MemoryVersions(), { rotateGlobalVersion: undefined }) as never
  t.throws(() => open({ repository: half }), new TypeError('repository must have the function rotateGlobalVersion'))
  t.throws(() => open({ ttlSeconds: -1 }), /ttlSeconds/)
})
