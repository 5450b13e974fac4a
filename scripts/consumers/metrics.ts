import assert from 'node:assert/strict'
import { InMemoryCache } from '@dashtam/cache-memory'
import { CacheMetrics, measured } from '@dashtam/cache-metrics'
import { registerCacheMetrics } from '@dashtam/cache-metrics/prometheus'
import { Registry } from 'prom-client'

export async function use(): Promise<void> {
  const metrics = new CacheMetrics()
  const cache = measured(new InMemoryCache({ keyspace: 'shop', maxEntries: 10 }), { metrics })
  await cache.get('shop:nothing')
  const registry = new Registry()
  registerCacheMetrics(metrics, { registry })
  assert.match(await registry.metrics(), /dashtam_cache_requests_total\{.*result="miss"\} 1/)
  await cache.close()
}
