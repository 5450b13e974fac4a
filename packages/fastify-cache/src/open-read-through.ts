import { setTimeout as sleep } from 'node:timers/promises'
import type { InvalidationFeed } from '@dashtam/cache-protocol'
import { createReadThrough, type ReadThroughCache } from '@dashtam/cache-tiered'
import type { FastifyInstance } from 'fastify'
import { DEFAULT_KEYSPACE, type FastifyCacheOptions } from './options.ts'

const LOOK_EVERY_MS = 5

/**
 * Opens the read-through engine beside the adapter that the options name. It closes with the app, before the adapter.
 *
 * @param startedMs - When the start of the app began to wait, on the scale of `performance.now()`.
 */
export async function openReadThrough(
  app: FastifyInstance,
  { keyspace = DEFAULT_KEYSPACE, ttlSeconds, redis, readThrough = {} }: FastifyCacheOptions,
  startedMs: number
): Promise<ReadThroughCache> {
  const backend = redis && app.redisCache.readThroughBackend(readThrough)
  const common = { keyspace, ...(ttlSeconds !== undefined && { ttlSeconds }) }
  const cache = createReadThrough({ ...readThrough, ...backend, ...common })
  // Hooks of this kind run from the last to the first.
  app.addHook('onClose', async () => {
    await cache.close()
  })
  if (backend !== undefined) {
    const { DEFAULT_BOOT_TIMEOUT_MS } = await import('@dashtam/cache-redis/fastify')
    await untilTrusted(backend.feed, startedMs + (redis?.bootTimeoutMs ?? DEFAULT_BOOT_TIMEOUT_MS))
  }
  return cache
}

/** A few round trips, so that the first requests find the memory in use. */
async function untilTrusted(feed: InvalidationFeed, deadlineMs: number): Promise<void> {
  while (!feed.stats().isTrusted && performance.now() < deadlineMs) await sleep(LOOK_EVERY_MS)
}
