import type { Redis } from 'ioredis'
import { toRedisFault } from '../redis-fault.ts'
import type { FeedKeys } from './feed-keys.ts'

/** How a connection hears of changes: from the server, from the stores that publish them, or not at all. */
export type SubscriptionMode = 'tracking' | 'pubsub' | 'none'

const INVALIDATION_CHANNEL = '__redis__:invalidate'

/**
 * Subscribes to the changes in the best way that the server grants. Rejects when there was no answer to rely on.
 *
 * @param canPublish - Whether stores will publish when they are told to.
 */
export async function subscribe(redis: Redis, keys: FeedKeys, canPublish: boolean): Promise<SubscriptionMode> {
  if (await isGranted(track(redis, keys))) return 'tracking'
  if (!canPublish) return 'none'
  return (await isGranted(redis.subscribe(keys.channel))) ? 'pubsub' : 'none'
}

/**
 * ioredis 6 drops the invalidation messages of RESP3. In RESP2 they come over a channel, to which the connection that
 * tracks may be subscribed itself (https://redis.io/docs/latest/develop/reference/client-side-caching/).
 */
async function track(redis: Redis, { slotPrefix, generationPrefix }: FeedKeys): Promise<unknown> {
  const id = await redis.client('ID')
  const prefixes = ['PREFIX', slotPrefix, 'PREFIX', generationPrefix]
  await redis.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', String(id), 'BCAST', ...prefixes)
  // What changes before this reply is not told to anybody.
  return redis.subscribe(INVALIDATION_CHANNEL)
}

async function isGranted(reply: Promise<unknown>): Promise<boolean> {
  try {
    await reply
    return true
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

/**
 * Whether this server does not know the command, or does not let us have it: that does not pass by itself, as BUSY and
 * LOADING do.
 */
export function isRefusal(error: unknown): boolean {
  const { serverCode } = toRedisFault(error)
  return serverCode === 'NOPERM' || serverCode === 'ERR'
}
