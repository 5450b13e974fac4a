import { randomBytes } from 'node:crypto'
import { createKeyRing, json } from '@dashtam/cache-codecs'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { InMemoryCache, MemoryMemberIndex } from '@dashtam/cache-memory'
import { ok } from '@dashtam/cache-protocol'
import { createRedisClient, RedisAdapter } from '@dashtam/cache-redis'
import { randomPrefix, sharedRedisUrl } from '@dashtam/testkit'
import t from 'tap'
import { type Session, StoredSessions } from '../src/index.ts'
import { MemorySessions } from './fixtures/memory-sessions.ts'
import { repositoryKeepsToIt } from './fixtures/repository-suite.ts'

const secret = 'a secret of at least 32 characters'

t.test('the table of the tests', t => repositoryKeepsToIt(t, new MemorySessions()))

t.test('sessions stored in memory', async t => {
  const keys = defineKeys({ prefix: 'app', secret }, dashtamFamilies)
  const store = new InMemoryCache({ keyspace: 'app' })
  await repositoryKeepsToIt(t, new StoredSessions({ store, members: new MemoryMemberIndex({ keyspace: 'app' }), keys }))
})

t.test('all sessions end, though one of them cannot be read', async t => {
  const keys = defineKeys({ prefix: 'app', secret }, dashtamFamilies)
  const store = new InMemoryCache({ keyspace: 'app' })
  const members = new MemoryMemberIndex({ keyspace: 'app' })
  const nowMs = Date.now()
  const stored = new StoredSessions<null>({ store, members, keys })
  const times = { createdAtMs: nowMs, lastSeenAtMs: nowMs, expiresAtMs: nowMs + 60_000 }
  for (const id of ['1', '2', '3']) await stored.insert({ id, userId: 'ann', ...times, data: null })
  store.ttl = async () => {
    throw new Error('too slow')
  }
  t.equal(await stored.deleteByUser('ann'), 3)
  t.strictSame(await members.members(keys.userSessions({ userId: 'ann' })), ok([]))
})

t.test('what cannot be read is no session', async t => {
  const keys = defineKeys({ prefix: 'app', secret }, dashtamFamilies)
  const store = new InMemoryCache({ keyspace: 'app' })
  const options = { store, members: new MemoryMemberIndex({ keyspace: 'app' }), keys }
  const encryption = createKeyRing({ current: '1', keys: { 1: randomBytes(32) } })
  const codec = json<Session<{ n: number }> | null>({ encryption })
  const nowMs = Date.now()
  const times = { createdAtMs: nowMs, lastSeenAtMs: nowMs, expiresAtMs: nowMs + 60_000 }
  for (const stored of [new StoredSessions<{ n: number }>(options), new StoredSessions({ ...options, codec })]) {
    await stored.insert({ id: '1', userId: 'ann', ...times, data: { n: 1 } })
    t.ok(await stored.find('1'))
    await store.set(keys.session({ sessionId: '1' }), '{')
    t.equal(await stored.find('1'), undefined)
    t.equal(await stored.touch('1'), false)
    t.equal(await stored.delete('1'), false)
  }
  const encoded = new StoredSessions<unknown>({ ...options, codec: codec as never })
  const session = { id: '2', userId: 'ann', ...times, data: { n: 1n } }
  await t.rejects(encoded.insert(session), /the session cannot be encoded/)
})

t.test('the index of a user does not grow with sessions that are over', async t => {
  const keys = defineKeys({ prefix: 'app', secret }, dashtamFamilies)
  const members = new MemoryMemberIndex({ keyspace: 'app' })
  const stored = new StoredSessions<null>({
    store: new InMemoryCache({ keyspace: 'app' }),
    members,
    keys,
    idleSeconds: 0.05
  })
  const nowMs = Date.now()
  const times = { createdAtMs: nowMs, lastSeenAtMs: nowMs, expiresAtMs: nowMs + 60_000 }
  for (const id of ['1', '2', '3']) await stored.insert({ id, userId: 'ann', ...times, data: null })
  await new Promise(resolve => setTimeout(resolve, 70))
  await stored.insert({ id: '4', userId: 'ann', ...times, data: null })
  t.strictSame(await members.members(keys.userSessions({ userId: 'ann' })), ok(['4']))
  for (const idleSeconds of [0, NaN, Infinity]) {
    t.throws(
      () => new StoredSessions({ store: new InMemoryCache({ keyspace: 'app' }), members, keys, idleSeconds }),
      /idleSeconds must be a number above 0/
    )
  }
})

t.test('sessions stored in Redis, encrypted', async t => {
  const keyspace = randomPrefix()
  const keys = defineKeys({ prefix: keyspace, secret }, dashtamFamilies)
  const client = createRedisClient({ url: await sharedRedisUrl() })
  const adapter = new RedisAdapter({ keyspace, client, closesClient: true })
  t.teardown(() => adapter.close())
  const members = adapter.memberIndex()
  const codec = json<Session<{ n: number }> | null>({
    encryption: createKeyRing({ current: '1', keys: { 1: randomBytes(32) } })
  })
  const stored = new StoredSessions({ store: adapter, members, keys, codec })
  await repositoryKeepsToIt(t, stored)

  const session: Session<{ n: number }> = {
    id: 'an id that nobody may read',
    userId: 'dora',
    createdAtMs: Date.now(),
    lastSeenAtMs: Date.now(),
    expiresAtMs: Date.now() + 60_000,
    data: { n: 424_242 }
  }
  await stored.insert(session)
  const names = await client.keys(`${keyspace}*`)
  for (const name of names) {
    t.notMatch(name, session.id)
    t.notMatch((await client.type(name)) === 'string' ? await client.get(name) : '', /424242|dora/)
    t.ok((await client.pttl(name)) > 0, 'nothing stays for ever')
  }
  // Whose session is gone, is pruned from the index when it is read.
  await adapter.delete(keys.session({ sessionId: session.id }))
  t.strictSame(await members.members(keys.userSessions({ userId: 'dora' })), ok([session.id]))
  t.strictSame(await stored.findByUser('dora'), [])
  t.strictSame(await members.members(keys.userSessions({ userId: 'dora' })), ok([]))
  await adapter.flush()
})
