import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { findRedisPlace, WAYS_TO_START_REDIS } from './find-redis.ts'

let shared: Promise<string> | undefined

/**
 * The URL of a Redis that the whole test file may use, under a prefix of its own (see {@link randomPrefix}): the one of
 * `TEST_REDIS_URL`, or else a server that lives as long as this process.
 */
export function sharedRedisUrl(): Promise<string> {
  shared ??= findSharedRedis()
  return shared
}

/** A keyspace that nobody else uses: `t-` and 24 hexadecimal digits. */
export function randomPrefix(): string {
  return `t-${randomBytes(12).toString('hex')}`
}

async function findSharedRedis(): Promise<string> {
  const url = process.env.TEST_REDIS_URL
  if (url) {
    await expectAnswer(url)
    return url
  }
  const place = await findRedisPlace(1)
  if (place) return (await place.start([])).url
  throw new Error(`The tests need a Redis and there is none: set TEST_REDIS_URL, ${WAYS_TO_START_REDIS}`)
}

async function expectAnswer(url: string): Promise<void> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 5_000,
    commandTimeout: 5_000,
    retryStrategy: () => null
  })
  client.on('error', () => undefined) // connect() rejects with the same
  try {
    await client.connect()
    await client.ping()
  } catch {
    throw new Error('TEST_REDIS_URL is set, but no Redis that lets us in answers there.')
  } finally {
    client.disconnect()
  }
}
