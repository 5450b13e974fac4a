import assert from 'node:assert/strict'
import { createReadThrough } from '@dashtam/cache-tiered'
import { createSessionCache, type Session, type SessionRepository } from '@dashtam/session-cache'
import { fastifySessions, type SessionData } from '@dashtam/session-cache/fastify'
import { registerSessionMetrics } from '@dashtam/session-cache/prometheus'
import { sessionStore } from '@dashtam/session-cache/store'
import Fastify from 'fastify'
import { Registry } from 'prom-client'

const keys = {
  session: Object.assign(({ sessionId }: { sessionId: string }) => `shop:session:${sessionId}`, { family: 'session' }),
  userSessions: Object.assign(({ userId }: { userId: string }) => `shop:user:${userId}`, { family: 'userSessions' })
}

function table<D>(): SessionRepository<D> {
  const rows = new Map<string, Session<D>>()
  const change = (id: string, change: Partial<Session<D>>) => {
    const row = rows.get(id)
    if (row !== undefined) rows.set(id, { ...row, ...change })
    return row !== undefined
  }
  return {
    find: async id => rows.get(id),
    insert: async session => void rows.set(session.id, session),
    update: async (id, data) => change(id, { data }),
    touch: async (id, lastSeenAtMs) => change(id, { lastSeenAtMs }),
    delete: async id => rows.delete(id),
    findByUser: async userId => [...rows.values()].filter(row => row.userId === userId),
    deleteByUser: async userId => [...rows.values()].filter(row => row.userId === userId && rows.delete(row.id)).length
  }
}

export async function use(): Promise<void> {
  const sessions = createSessionCache<string>({
    cache: createReadThrough({ keyspace: 'shop' }),
    keys,
    repository: table<string>()
  })
  const { value } = await sessions.create({ userId: '42', data: 'blue' })
  assert.equal((await sessions.get(value.id))?.data, 'blue')
  registerSessionMetrics(sessions, { registry: new Registry() })
  assert.equal(typeof sessionStore({ sessions }).get, 'function')

  const app = Fastify()
  const secret = 'a secret of at least 32 characters'
  const cache = createReadThrough({ keyspace: 'shop' })
  await app.register(fastifySessions, { cache, keys, repository: table<SessionData>(), secret })
  app.post('/', async (_request, reply) => (await reply.signIn({ userId: '42' })).userId)
  app.get('/', async ({ session }) => session?.userId)
  const [cookie] = (await app.inject({ method: 'POST', url: '/' })).cookies
  assert.ok(cookie !== undefined)
  assert.equal((await app.inject({ url: '/', cookies: { [cookie.name]: cookie.value } })).body, '42')
  assert.equal((await app.sessions.deleteAllForUser('42')).value, 1)
  await app.close()
}
