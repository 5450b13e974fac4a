import { json } from '@dashtam/cache-codecs'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import type { JsonValue, ValueCodec } from '@dashtam/cache-protocol'
import { createReadThrough } from '@dashtam/cache-tiered'
import {
  createProviderConnectionCache,
  type ProviderConnectionCacheOptions,
  type ProviderToken
} from '@dashtam/provider-connection-cache'
import { registerProviderConnectionMetrics } from '@dashtam/provider-connection-cache/prometheus'
import { sharedRedisUrl, startRedis, until } from '@dashtam/testkit'
import { Registry } from 'prom-client'
import t from 'tap'
import { encryptingCodec, openFleet } from './fixtures/fleet.ts'
import { type Connection, type Credentials, MemoryConnections } from './fixtures/memory-connections.ts'

const keys = defineKeys({ prefix: 'app', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
const ANN = { connectionId: 'c1', provider: 'schwab', userId: 'ann' }
const OTHER = { connectionId: 'c2', provider: 'schwab', userId: 'ann' }

function open(options: Partial<ProviderConnectionCacheOptions<Connection, Credentials>> = {}) {
  const source = new MemoryConnections(ANN)
  const clock = { nowMs: Date.now() }
  source.now = () => clock.nowMs
  const cache = createReadThrough({ keyspace: 'app', clock: () => clock.nowMs })
  const given = { cache, keys, source, tokenCodec: encryptingCodec(), now: () => clock.nowMs, ...options }
  return { source, clock, connections: createProviderConnectionCache<Connection, Credentials>(given) }
}

t.test('a connection is looked up once, and a change is seen at once', async t => {
  const { source, connections } = open()
  const alias = async () => (await connections.get('c1')).value?.alias
  const aliases = async () => (await connections.list('ann')).value.map(connection => connection.alias)
  for (let reads = 0; reads < 10; reads++) {
    t.equal(await alias(), 'the alias of c1')
    t.strictSame(await aliases(), ['the alias of c1'])
  }
  t.match(source.calls, { find: 1, list: 1 })
  const rename = () => void source.rows.set('c1', { id: 'c1', userId: 'ann', alias: 'renamed' })
  t.match(await connections.change(ANN, rename), { invalidation: { ok: true } })
  t.equal(await alias(), 'renamed')
  t.strictSame(await aliases(), ['renamed'])
  await connections.change(ANN, () => source.rows.delete('c1'))
  t.equal(await alias(), undefined)
  t.strictSame(await aliases(), [])
})

t.test('connections and lists are encoded as is said', async t => {
  const written: unknown[] = []
  const plain: ValueCodec<JsonValue> = json()
  const codec: ValueCodec<JsonValue> = {
    encode(value, context) {
      written.push(value)
      return plain.encode(value, context)
    },
    decode: (bytes, context) => plain.decode(bytes, context)
  }
  const { connections } = open({ connectionCodec: codec as never, listCodec: codec as never })
  const { value: one } = await connections.get('c1')
  const { value: all } = await connections.list('ann')
  t.strictSame(written, [one, all])
})

t.test('what is not there is not cached', async t => {
  const { source, connections } = open()
  t.equal((await connections.get('c9')).value, null)
  t.equal(await connections.token({ ...ANN, connectionId: 'c9' }), undefined)
  t.equal(await connections.credentials('c9'), undefined)
  source.add('c9', 'ann')
  t.match((await connections.get('c9')).value, { id: 'c9' })
  t.ok(await connections.token({ ...ANN, connectionId: 'c9' }))
  t.ok(await connections.credentials('c9'))
})

t.test('a token is obtained once, and is there until 300 s before it expires', async t => {
  const { source, clock, connections } = open()
  const first = await connections.token(ANN)
  for (let asks = 0; asks < 10; asks++) t.strictSame(await connections.token(ANN), first)
  t.equal(source.calls.obtain, 1)
  // Jitter shortens a lifetime by a tenth at most.
  clock.nowMs += 0.89 * 3_300_000
  t.strictSame(await connections.token(ANN), first)
  clock.nowMs += 0.12 * 3_300_000
  t.not((await connections.token(ANN))?.accessToken, first?.accessToken)
})

t.test('a token that lives for 300 s or less is not cached', async t => {
  for (const [tokenSeconds, obtained] of [
    [-5, 3],
    [0, 3],
    [300, 3],
    [310, 1]
  ] as const) {
    const { source, connections } = open()
    source.tokenSeconds = tokenSeconds
    for (let asks = 0; asks < 3; asks++) t.ok(await connections.token(ANN))
    t.equal(source.calls.obtain, obtained, `${tokenSeconds} s`)
  }
})

t.test('each connection of a user has a token of its own', async t => {
  const { source, connections } = open()
  source.add('c2', 'ann')
  const tokens = await Promise.all([ANN, OTHER].map(ref => connections.token(ref)))
  t.match(tokens, [{ accessToken: /of c1$/ }, { accessToken: /of c2$/ }])
  await connections.change(OTHER, () => source.rows.delete('c2'))
  t.equal(await connections.token(OTHER), undefined)
  t.strictSame(await connections.token(ANN), tokens[0], 'the other one stays')
})

t.test('a token that the provider has refused is obtained anew', async t => {
  const { connections } = open()
  const refused = await connections.token(ANN)
  t.match(await connections.dropToken(ANN), { ok: true })
  t.not((await connections.token(ANN))?.accessToken, refused?.accessToken)
})

t.test('a change that has nothing to do with secrets keeps them', async t => {
  const { source, connections } = open()
  const token = await connections.token(ANN)
  await connections.credentials('c1')
  await connections.list('ann')
  const rename = () => void source.rows.set('c1', { id: 'c1', userId: 'ann', alias: 'renamed' })
  await connections.change(ANN, rename, { keepsSecrets: true })
  t.match((await connections.list('ann')).value, [{ alias: 'renamed' }])
  t.match((await connections.get('c1')).value, { alias: 'renamed' })
  t.strictSame(await connections.token(ANN), token)
  await connections.credentials('c1')
  t.match(source.calls, { obtain: 1, decrypt: 1 })
})

t.test('a token that comes with a change is cached', async t => {
  const { source, connections } = open()
  await connections.token(ANN)
  await connections.get('c1')
  const fresh: ProviderToken = { accessToken: 'fresh', expiresAtMs: Date.now() + 3_600_000 }
  t.match(await connections.refresh(ANN, async () => fresh), { value: fresh, invalidation: { ok: true } })
  t.strictSame(await connections.token(ANN), fresh)
  t.equal(source.calls.obtain, 1)
  await connections.get('c1')
  t.equal(source.calls.find, 2, 'the connection itself is looked up again')
  const short: ProviderToken = { accessToken: 'short', expiresAtMs: Date.now() + 200_000 }
  await connections.refresh(ANN, async () => short)
  t.match(await connections.token(ANN), { accessToken: /^token/ }, 'but not one that is about to expire')
})

t.test('what fails is told, and changes nothing', async t => {
  const { source, connections } = open()
  source.before = call => {
    throw new Error(`no ${call}`)
  }
  await t.rejects(connections.get('c1'), { message: 'no find' })
  await t.rejects(connections.list('ann'), { message: 'no list' })
  await t.rejects(connections.token(ANN), { message: 'no obtain' })
  await t.rejects(
    connections.refresh(ANN, () => Promise.reject(new Error('no grant'))),
    { message: 'no grant' }
  )
  source.before = () => undefined
  t.match((await connections.get('c1')).value, { id: 'c1' })
  t.equal(connections.stats().changed, 0)
})

t.test('a token that was under way when the connection ended is not kept', async t => {
  const { source, connections } = open()
  const release = Promise.withResolvers<void>()
  source.before = call => (call === 'obtain' ? release.promise : undefined)
  const late = connections.token(ANN)
  await until('it is asked', async () => source.calls.obtain === 1)
  await connections.change(ANN, () => source.rows.delete('c1'))
  source.add('c1', 'ann')
  release.resolve()
  await late
  await connections.token(ANN)
  t.equal(source.calls.obtain, 2)
})

t.test('a fleet obtains a token once, and Redis has no secret', async t => {
  const url = await sharedRedisUrl()
  const source = new MemoryConnections(ANN)
  const { fleet, stored } = await openFleet(t, [url, url, url], source)
  source.before = () => new Promise(resolve => setTimeout(resolve, 30))
  const tokens = await Promise.all([...fleet, ...fleet, ...fleet].map(connections => connections.token(ANN)))
  t.equal(source.calls.obtain, 1)
  t.equal(new Set(tokens.map(token => token?.accessToken)).size, 1)
  for (const connections of fleet) {
    t.strictSame(await connections.credentials('c1'), { password: 'the password of c1' })
    await connections.get('c1')
  }
  const { names, text } = await stored()
  t.ok(names.some(name => name.includes('provider:token:')))
  t.match(text, 'the alias of c1', 'connections are there to be read')
  t.notMatch(text, /token 1|password/)
  t.equal(source.calls.decrypt, 3, 'each process decrypts for itself')
})

t.test('what one process ends has ended for all', async t => {
  const url = await sharedRedisUrl()
  const source = new MemoryConnections(ANN)
  const { fleet } = await openFleet(t, [url, url], source)
  const [here, there] = fleet
  for (const connections of fleet) {
    t.ok(await connections.token(ANN))
    t.ok(await connections.credentials('c1'))
    t.ok((await connections.get('c1')).value)
  }
  await here?.change(ANN, () => source.rows.delete('c1'))
  const strong = { consistency: 'strong' } as const
  t.equal(await there?.token(ANN, strong), undefined)
  t.equal(await there?.credentials('c1', strong), undefined)
  t.equal((await there?.get('c1', strong))?.value, null)
  t.strictSame((await there?.list('ann', strong))?.value, [])
})

t.test('without Redis the database and the provider are asked', async t => {
  await using server = await startRedis()
  const source = new MemoryConnections(ANN)
  const { fleet } = await openFleet(t, [server.url], source)
  const [connections] = fleet
  t.ok(await connections?.token(ANN))
  await server.freeze()
  t.match((await connections?.get('c1'))?.value, { id: 'c1' })
  t.ok(await connections?.token(ANN, { consistency: 'strong' }))
  const ended = await connections?.change(ANN, () => source.rows.delete('c1'))
  t.match(ended?.invalidation, { ok: false, error: { reason: 'pending' } })
  t.equal(await connections?.token(ANN), undefined, 'what is ended here has ended here')
  source.add('c1', 'ann')
  const fresh = { accessToken: 'fresh', expiresAtMs: Date.now() + 3_600_000 }
  t.match((await connections?.refresh(ANN, async () => fresh))?.value, fresh)
  t.ok(await connections?.token(ANN))
  await server.resume()
})

t.test('what happens is counted', async t => {
  const { connections } = open()
  const registry = new Registry()
  registerProviderConnectionMetrics(connections, { registry })
  for (let asks = 0; asks < 3; asks++) await connections.token(ANN)
  await connections.change(ANN, () => undefined)
  t.strictSame(connections.stats(), { tokens: 3, obtained: 1, changed: 1 })
  t.match(await registry.metrics(), 'dashtam_provider_connection_events_total{event="tokens"} 3')
})

t.test('a missing id is told, and nothing is written', async t => {
  const { connections, source } = open()
  for (const [name, message] of [
    ['connectionId', 'connectionId must be a string, got undefined'],
    ['provider', 'provider must be a string, got undefined'],
    ['userId', /userId/]
  ] as const) {
    const wrong = { ...ANN, [name]: undefined } as never
    await t.rejects(connections.token(wrong), { name: 'TypeError', message })
    await t.rejects(connections.dropToken(wrong), { name: 'TypeError', message })
  }
  for (const [connectionId, got] of [
    [{ a: 1 }, 'object'],
    [null, 'null'],
    [1.5, 'number']
  ] as const) {
    const wrong = { ...ANN, connectionId } as never
    await t.rejects(connections.token(wrong), new TypeError(`connectionId must be a string, got ${got}`))
  }
  t.equal(await connections.token({ ...ANN, connectionId: 7 as never }), undefined, 'a number is an id, as in keys')
  const neverCalled = () => t.fail('nothing is written')
  for (const name of ['connectionId', 'userId']) {
    const wrong = { ...ANN, [name]: undefined } as never
    await t.rejects(connections.change(wrong, neverCalled), { name: 'TypeError' })
  }
  t.equal(source.calls.obtain, 1)
})

t.test('wrong options are told, and a codec that does not encrypt is one', async t => {
  const wrongs = [
    [{ source: {} }, 'source must have the function findConnection'],
    [{ cache: {} }, 'cache must have the function family'],
    [{ keys: undefined }, 'keys must have the function providerConnection'],
    [{ now: 5 }, 'now must be a function, got number'],
    [{ ttl: 1 }, /^unknown option 'ttl'; known are cache, /]
  ] as const
  for (const [options, message] of wrongs) t.throws(() => open(options as never), { name: 'TypeError', message })
  const { source } = open()
  const partial = Object.assign(source, { findCredentials: 5 }) as never
  t.throws(() => open({ source: partial }), new TypeError('source must have the function findCredentials'))
  const fails = { encode: () => ({ ok: false, error: { code: 'X', message: '' } }), decode: () => ({ ok: false }) }
  for (const tokenCodec of [undefined, json(), json({ compression: 'zstd' }), fails]) {
    t.throws(() => open({ tokenCodec: tokenCodec as never }), /^tokenCodec must encrypt/)
  }
  t.throws(() => open({ ttlSeconds: 0 }), /ttlSeconds/)
  t.throws(() => open({ credentialsTtlSeconds: -1 }), /ttlSeconds/)
})
