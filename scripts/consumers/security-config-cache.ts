import assert from 'node:assert/strict'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { createReadThrough } from '@dashtam/cache-tiered'
import { createSecurityConfigCache, type SecurityConfigRepository } from '@dashtam/security-config-cache'
import { fastifySecurityConfig } from '@dashtam/security-config-cache/fastify'
import { registerSecurityConfigMetrics } from '@dashtam/security-config-cache/prometheus'
import Fastify from 'fastify'
import { Registry } from 'prom-client'

const keys = defineKeys({ prefix: 'shop', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
let version = 1
const repository: SecurityConfigRepository = {
  findGlobalVersion: async () => 1,
  findUserVersion: async () => version,
  rotateGlobalVersion: async () => 1,
  rotateUserVersion: async () => ++version
}

export async function use(): Promise<void> {
  const cache = createReadThrough({ keyspace: 'shop' })
  const securityConfig = createSecurityConfigCache({ cache, keys, repository })
  registerSecurityConfigMetrics(securityConfig, { registry: new Registry() })
  const issued = await securityConfig.versionsOf('42')
  assert.ok(issued !== undefined && (await securityConfig.isCurrent('42', issued)))
  await securityConfig.rotateUser('42')
  assert.equal(await securityConfig.isCurrent('42', issued), false)
  await cache.close()

  const app = Fastify()
  const own = createReadThrough({ keyspace: 'shop' })
  await app.register(fastifySecurityConfig, { cache: own, keys, repository })
  assert.deepEqual(await app.securityConfig.versionsOf('42'), { global: 1, user: 2 })
  await app.close()
  await own.close()
}
