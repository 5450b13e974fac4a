import { openRedisPlace } from './find-redis.ts'
import type { RedisServer } from './redis-server.ts'

export interface StartRedisOptions {
  /** @defaultValue a free one */
  readonly port?: number
  /** More arguments of `redis-server`, such as `['--maxmemory', '10mb']`. */
  readonly args?: readonly string[]
}

/** Starts a private Redis on the loopback interface that saves nothing to disk, and waits until it serves. */
export async function startRedis(options: StartRedisOptions = {}): Promise<RedisServer> {
  const { port, args = [] } = options
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
    throw new TypeError(`port is ${port}, expected an integer from 1 to 65535`)
  }
  const place = await openRedisPlace(1, port)
  return place.start(args)
}
