import type { CacheProtocol } from '@dashtam/cache-protocol'
import { type MeasuredOptions, Meter } from './meter.ts'

/**
 * Wraps `cache` so that what is done through it is counted. It answers exactly as `cache` does: results are handed on
 * as they are, rejections too, and `scan` is there when `cache` has it.
 *
 * - `get`, `getJson`, `take` and `getMany` count a hit, a miss or an error for each key.
 * - Every operation counts as `ok` or `error`, with its latency; one over keys of several namespaces counts once in
 *   each. `deletePattern`, `flush`, `ping` and `scan` count under `'default'`, `scan` when it ends and without a
 *   latency, which would be its reader's.
 *
 * @throws TypeError when an option is out of its range.
 */
export function measured(cache: CacheProtocol, options: MeasuredOptions): CacheProtocol {
  const meter = new Meter(options)
  const wrapper: CacheProtocol = {
    get: key => meter.lookUp('get', key, () => cache.get(key)),
    getJson: <T>(key: string) => meter.lookUp('getJson', key, () => cache.getJson<T>(key)),
    take: key => meter.lookUp('take', key, () => cache.take(key)),
    getMany: keys => meter.lookUpMany('getMany', keys, list => cache.getMany(list)),

    set: (key, value, lifetime) => meter.one('set', key, () => cache.set(key, value, lifetime)),
    setJson: (key, value, lifetime) => meter.one('setJson', key, () => cache.setJson(key, value, lifetime)),
    setMany: (entries, lifetime) => meter.many('setMany', entries, keyOfEntry, list => cache.setMany(list, lifetime)),
    delete: key => meter.one('delete', key, () => cache.delete(key)),
    deleteMany: keys => meter.many('deleteMany', keys, itself, list => cache.deleteMany(list)),
    exists: key => meter.one('exists', key, () => cache.exists(key)),
    expire: (key, ttlSeconds) => meter.one('expire', key, () => cache.expire(key, ttlSeconds)),
    ttl: key => meter.one('ttl', key, () => cache.ttl(key)),
    increment: (key, by, lifetime) => meter.one('increment', key, () => cache.increment(key, by, lifetime)),
    decrement: (key, by, lifetime) => meter.one('decrement', key, () => cache.decrement(key, by, lifetime)),

    deletePattern: pattern => meter.keyless('deletePattern', () => cache.deletePattern(pattern)),
    flush: () => meter.keyless('flush', () => cache.flush()),
    ping: () => meter.keyless('ping', () => cache.ping()),
    close: () => cache.close()
  }
  if (cache.scan === undefined) return wrapper
  const scan = cache.scan.bind(cache)
  return { ...wrapper, scan: pattern => meter.walk('scan', () => scan(pattern)) }
}

const itself = (key: string) => key
const keyOfEntry = ([key]: readonly [key: string, value: string]) => key
