import assert from 'node:assert/strict'
import { InMemoryCache } from '@dashtam/cache-memory'
import { createOAuthStateCache } from '@dashtam/oauth-state-cache'
import { fastifyOAuthState } from '@dashtam/oauth-state-cache/fastify'
import { registerOAuthStateMetrics } from '@dashtam/oauth-state-cache/prometheus'
import Fastify from 'fastify'
import { Registry } from 'prom-client'

const keys = { oauthState: ({ state }: { state: string }) => `shop:state:${state}` }

export async function use(): Promise<void> {
  const cache = new InMemoryCache({ keyspace: 'shop' })
  const states = createOAuthStateCache({ cache, keys })
  const created = await states.create({ userId: '42', provider: 'schwab' })
  assert.ok(created.ok)
  const consumed = await states.consume(created.value)
  assert.ok(consumed.ok && consumed.value.userId === '42')

  registerOAuthStateMetrics(states, { registry: new Registry() })

  const app = Fastify()
  await app.register(fastifyOAuthState, { cache, keys })
  app.get('/', (request, reply) => app.oauthState.create(request, reply, { userId: '42', provider: 'schwab' }))
  assert.equal((await app.inject('/')).cookies.length, 1)
  await app.close()
}
