import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { createReadThrough } from '@dashtam/cache-tiered'
import { createSessionCache, type SessionCacheOptions } from '@dashtam/session-cache'
import { randomPrefix, sharedRedisUrl, startFaultProxy, startRedis, until } from '@dashtam/testkit'
import t from 'tap'
import { newSessionId, ownerOf } from '../src/session-id.ts'
import { type FleetMember, openFleet } from './fixtures/fleet.ts'
import { MemorySessions } from './fixtures/memory-sessions.ts'

const keys = defineKeys({ prefix: 'app', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
const MINUTE_MS = 60_000

function open(options: Partial<SessionCacheOptions<{ n: number }>> = {}) {
  const repository = new MemorySessions<{ n: number }>()
  const clock = { nowMs: Date.now() }
  const sessions = createSessionCache<{ n: number }>({
    cache: createReadThrough({ keyspace: 'app' }),
    keys,
    repository,
    now: () => clock.nowMs,
    ...options
  })
  const signIn = async (userId: string | null = 'ann', id?: string) =>
    (await sessions.create({ userId, data: { n: 1 }, ...(id !== undefined && { id }) })).value
  return { repository, sessions, clock, signIn }
}

t.test('a session is written through, and read from the cache', async t => {
  const { repository, sessions, clock, signIn } = open()
  const session = await signIn()
  t.strictSame(session, {
    id: session.id,
    userId: 'ann',
    createdAtMs: clock.nowMs,
    lastSeenAtMs: clock.nowMs,
    expiresAtMs: clock.nowMs + 30 * 24 * 60 * MINUTE_MS,
    data: { n: 1 }
  })
  t.match(session.id, /^[\w-]{43}\.[\w-]{11}$/)
  t.strictSame(repository.rows.get(session.id), session)
  const { calls } = repository
  for (let reads = 0; reads < 10; reads++) t.strictSame(await sessions.get(session.id), session)
  t.equal(repository.calls, calls, 'nobody asks the table')
  t.strictSame(await sessions.set({ id: session.id, data: { n: 2 } }), { value: true, invalidation: ok() })
  t.strictSame((await sessions.get(session.id))?.data, { n: 2 })
  t.strictSame(await sessions.delete(session.id), { value: true, invalidation: ok() })
  t.equal(await sessions.get(session.id), undefined)
  t.equal((await sessions.delete(session.id)).value, false)
  t.match(sessions.stats(), { created: 1, found: 11, missing: 1, saved: 1, deleted: 1, refused: 0 })
})

function ok() {
  return { ok: true, value: undefined }
}

t.test('a slow request that ends after the logout does not bring the session back', async t => {
  for (const id of [undefined, 'an id that others have made']) {
    const { repository, sessions, signIn } = open()
    const session = await signIn('ann', id)
    const { promise: isLoggedOut, resolve: logOut } = Promise.withResolvers<void>()
    const slow = (async () => {
      const mine = await sessions.get(session.id)
      await isLoggedOut
      return [(await sessions.set({ id: session.id, data: { n: 9 } })).value, mine?.data.n]
    })()
    await sessions.delete(session.id)
    logOut()
    t.strictSame(await slow, [false, 1])
    t.equal(repository.rows.size, 0)
    t.equal(await sessions.get(session.id), undefined)
    t.equal(sessions.stats().refused, 1)
  }
})

t.test('a session is over when it is idle for too long, and at its end', async t => {
  const { repository, sessions, clock, signIn } = open({ idleSeconds: 600, absoluteSeconds: 3_600 })
  const session = await signIn()
  const use = async () => {
    const found = await sessions.get(session.id)
    return found !== undefined && (await sessions.touch(found)).value
  }
  clock.nowMs += 10_000
  const { calls } = repository
  t.equal(await use(), true)
  t.equal(repository.calls, calls, 'a use after a thirtieth of the idle lifetime is noted, and not before')
  clock.nowMs += 20_000
  t.strictSame(await Promise.all([use(), use(), use()]), [true, true, true])
  t.equal(repository.rows.get(session.id)?.lastSeenAtMs, clock.nowMs)
  t.equal(sessions.stats().touched, 1, 'once, however many come at a time')
  clock.nowMs += 599_999
  t.equal(await use(), true)
  clock.nowMs += 600_000
  t.equal(await use(), false, 'idle')
  await sessions.get(session.id)
  const { calls: before } = repository
  for (let reads = 0; reads < 10; reads++) await sessions.get(session.id)
  t.equal(repository.calls, before, 'though its row is there still')

  const other = await signIn()
  for (let minutes = 0; minutes < 59; minutes++) {
    clock.nowMs += MINUTE_MS
    const found = await sessions.get(other.id)
    t.equal(found !== undefined && (await sessions.touch(found)).value, true, `after ${minutes + 1} minutes`)
  }
  clock.nowMs += MINUTE_MS
  t.equal(await sessions.get(other.id), undefined, 'at its end')
  t.strictSame(await sessions.touch({ ...other, lastSeenAtMs: clock.nowMs }), { value: false, invalidation: ok() })
})

t.test('what was deleted past the cache is believed for a while, and no longer', async t => {
  const { repository, sessions, signIn } = open({ verifySeconds: 0.2 })
  const session = await signIn()
  repository.rows.delete(session.id)
  t.ok(await sessions.get(session.id))
  await new Promise(resolve => setTimeout(resolve, 220))
  t.equal(await sessions.get(session.id), undefined)
})

t.test('all sessions of a user end at once, and are counted', async t => {
  const { repository, sessions, clock, signIn } = open({ idleSeconds: 600 })
  const first = await signIn()
  clock.nowMs += 1
  const foreign = await signIn('ann', 'an id that others have made')
  clock.nowMs += 1
  const last = await signIn()
  const bobs = await signIn('bob')
  t.strictSame(await sessions.getUserSessionIds('ann'), [last.id, foreign.id, first.id])
  t.strictSame(await sessions.getUserSessionIds('nobody'), [])
  await sessions.delete(foreign.id)
  t.strictSame(await sessions.getUserSessionIds('ann'), [last.id, first.id])
  t.equal((await sessions.deleteAllForUser('ann')).value, 2)
  t.strictSame(await sessions.getUserSessionIds('ann'), [])
  for (const { id } of [first, foreign, last]) t.equal(await sessions.get(id), undefined)
  t.ok(await sessions.get(bobs.id))
  t.equal(repository.rows.size, 1)
  t.match(sessions.stats(), { deleted: 1, revoked: 2 })

  await signIn()
  clock.nowMs += 600_000
  t.strictSame(await sessions.getUserSessionIds('ann'), [], 'what is over is not listed')
})

t.test('readers see no session from the moment on that all of them begin to end', async t => {
  const url = await sharedRedisUrl()
  const { repository, fleet } = await openFleet(t, { url, prefix: randomPrefix(), count: 2 })
  const [first, second] = fleet as [FleetMember, FleetMember]
  const begun = [1, 2, 3, 4, 5].map(n => first.sessions.create({ userId: 'ann', data: { n } }))
  const mine = (await Promise.all(begun)).map(({ value }) => value)
  for (const { id } of mine) for (const { sessions } of fleet) t.ok(await sessions.get(id))
  t.equal((await second.sessions.getUserSessionIds('ann')).length, 5)
  // The statement is committed, and the process hears no more of anything.
  repository.before = statement => (statement === 'deleteByUser' ? repository.rows.clear() : undefined)
  const { promise: never } = Promise.withResolvers<number>()
  const { promise: isDone, resolve: done } = Promise.withResolvers<void>()
  const { deleteByUser } = repository
  repository.deleteByUser = async userId => {
    await deleteByUser.call(repository, userId)
    done()
    return never
  }
  void first.sessions.deleteAllForUser('ann').catch(() => undefined)
  await isDone
  for (const { id } of mine) {
    t.equal(await first.sessions.get(id), undefined, 'in the process that ends them')
    t.equal(await second.sessions.get(id, { consistency: 'strong' }), undefined, 'and in another')
  }
  const isGone = async () => (await second.sessions.get(mine[0]?.id ?? '')) === undefined
  await until('ordinary reads see it too', isGone, 1_000)
})

t.test('elsewhere a session ends within the lag, and at once for a strong read', async t => {
  const url = await sharedRedisUrl()
  const { fleet } = await openFleet(t, { url, prefix: randomPrefix(), count: 2 })
  const [first, second] = fleet.map(({ sessions }) => sessions)
  for (const id of [undefined, 'an id that others have made', 'another one']) {
    const made = await first?.create({ userId: 'ann', data: { n: 1 }, ...(id !== undefined && { id }) })
    const sessionId = made?.value.id ?? ''
    t.ok(await second?.get(sessionId))
    await first?.delete(sessionId)
    t.equal(await second?.get(sessionId, { consistency: 'strong' }), undefined)
    t.equal(await second?.get(sessionId), undefined)
  }
  t.equal(await second?.get('never made'), undefined)
  await first?.create({ userId: 'ann', data: { n: 1 }, id: 'never made' })
  t.ok(await second?.get('never made', { consistency: 'strong' }), 'that there is none was cached')
})

t.test('a session that is ended again has ended everywhere, though the first end was not told', async t => {
  await using redis = await startRedis()
  await using wire = await startFaultProxy(redis.url)
  const { repository, fleet } = await openFleet(t, { url: redis.url, prefix: 'app', count: 2 })
  const [knows, asks] = fleet as [FleetMember, FleetMember]
  const cut = await openFleet(t, { url: wire.url, prefix: 'app', count: 1, repository })
  for (const id of [undefined, 'an id that others have made']) {
    const { value: session } = await knows.sessions.create({ userId: 'ann', data: { n: 1 }, ...(id && { id }) })
    t.ok(await knows.sessions.get(session.id))
    wire.stop()
    t.match(await cut.fleet[0]?.sessions.delete(session.id), { value: true, invalidation: { ok: false } })
    t.strictSame(await asks.sessions.delete(session.id), { value: false, invalidation: ok() })
    t.equal(await knows.sessions.get(session.id, { consistency: 'strong' }), undefined)
    await wire.accept()
  }
})

t.test('without Redis the repository itself is asked', async t => {
  await using server = await startRedis()
  const { repository, fleet } = await openFleet(t, { url: server.url, prefix: 'app', count: 1 })
  const [only] = fleet
  const sessions = only?.sessions as NonNullable<typeof only>['sessions']
  const { value: before } = await sessions.create({ userId: 'ann', data: { n: 1 } })
  await server.freeze()
  t.ok(await sessions.get(before.id))
  const { value: session, invalidation } = await sessions.create({ userId: 'ann', data: { n: 1 } })
  t.match(invalidation, { ok: false, error: { reason: 'pending' } })
  t.ok(await sessions.get(session.id))
  t.equal((await sessions.deleteAllForUser('ann')).value, 2)
  t.equal(await sessions.get(session.id), undefined, 'the process that ends them obeys')
  t.equal(await sessions.get(before.id, { consistency: 'strong' }), undefined)
  repository.before = () => {
    throw new Error('no database')
  }
  await t.rejects(sessions.get(newSessionId('ann')), { message: 'no database' })
  await t.rejects(sessions.create({ userId: 'ann', data: { n: 1 } }), { message: 'no database' })
  await server.resume()
})

t.test('an id tells its owner, and is none of somebody else', async t => {
  const { repository, sessions, signIn } = open()
  const session = await signIn()
  const { id } = session
  t.equal(id.slice(44), ownerOf('ann'))
  t.not(ownerOf('ann'), ownerOf('bob'))
  const moved = `${id.slice(0, 44)}${ownerOf('bob')}`
  t.equal(await sessions.get(moved), undefined)
  await t.rejects(sessions.create({ userId: 'bob', data: { n: 1 }, id }), { name: 'TypeError' })
  await t.rejects(sessions.create({ userId: 7 as never, data: { n: 1 } }), {
    message: 'userId must be a string or null, got number'
  })
  // Whatever a table says, an entry is kept under the owner it was asked for.
  repository.rows.set(moved, { ...session, id: moved })
  t.equal(await sessions.get(moved, { consistency: 'strong' }), undefined)
  const nobodys = await signIn(null)
  t.match(nobodys.id, /\.nobody$/)
  t.strictSame(await sessions.get(nobodys.id), nobodys)
  await sessions.delete(nobodys.id)
  t.equal(await sessions.get(nobodys.id), undefined)
})

t.test('a wrong option is told', async t => {
  t.throws(() => open({ repository: {} as never }), /repository must be a SessionRepository/)
  t.throws(() => open({ verifySeconds: 56 }), /verifySeconds must be a number above 0 and at most 55, got 56/)
  for (const idleSeconds of [0, -1, NaN, '60' as never]) t.throws(() => open({ idleSeconds }), /idleSeconds must be/)
  const stored = Object.assign(new MemorySessions<{ n: number }>(), { idleSeconds: 600 })
  t.throws(
    () => open({ repository: stored, idleSeconds: 60 }),
    /idleSeconds must be that of the repository, 600, got 60/
  )
  t.ok(open({ repository: stored }))
  for (const absoluteSeconds of [0, Infinity]) t.throws(() => open({ absoluteSeconds }), /absoluteSeconds must be/)
})
