import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createKeyRing, json } from '@dashtam/cache-codecs'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { createReadThrough } from '@dashtam/cache-tiered'
import { createProviderConnectionCache, type ProviderToken } from '@dashtam/provider-connection-cache'
import { fastifyProviderConnections } from '@dashtam/provider-connection-cache/fastify'
import { registerProviderConnectionMetrics } from '@dashtam/provider-connection-cache/prometheus'
import Fastify from 'fastify'
import { Registry } from 'prom-client'

const keys = defineKeys({ prefix: 'shop', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
const source = {
  findConnection: async (id: string) => ({ id, alias: 'My bank' }),
  listConnections: async () => [],
  obtainToken: async () => ({ accessToken: 'token', expiresAtMs: Date.now() + 3_600_000 })
}
const encryption = createKeyRing({ current: 'a', keys: { a: randomBytes(32) } })
const tokenCodec = json<ProviderToken | null>({ encryption })

export async function use(): Promise<void> {
  const cache = createReadThrough({ keyspace: 'shop' })
  const connections = createProviderConnectionCache({ cache, keys, source, tokenCodec })
  registerProviderConnectionMetrics(connections, { registry: new Registry() })
  const connection = { connectionId: '7', provider: 'bank', userId: '42' }
  assert.equal((await connections.get('7')).value?.alias, 'My bank')
  assert.equal((await connections.token(connection))?.accessToken, 'token')
  await cache.close()

  const app = Fastify()
  const own = createReadThrough({ keyspace: 'shop' })
  await app.register(fastifyProviderConnections, { cache: own, keys, source, tokenCodec })
  assert.deepEqual((await app.providerConnections.list('42')).value, [])
  await app.close()
  await own.close()
}
