import { setTimeout as sleep } from 'node:timers/promises'
import type { CacheProtocol } from '@dashtam/cache-protocol'
import { fastifyCache } from '@dashtam/fastify-cache'
import { randomPrefix, startRedis } from '@dashtam/testkit'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { CacheAside, type CachedRead } from '../src/application/cache-aside.ts'

interface Thing {
  readonly name: string
}

const isThing = (found: unknown): found is Thing => typeof (found as Thing | null)?.name === 'string'

async function openCache(t: Test, url?: string) {
  const keyspace = randomPrefix()
  const app = Fastify()
  await app.register(fastifyCache, { keyspace, ...(url !== undefined && { redis: { url } }) })
  t.teardown(() => app.close())
  const cache: CacheProtocol = app.cacheStore
  const aside = new CacheAside(cache)
  const key = `${keyspace}:thing`
  const read = (load: CachedRead<Thing>['load']) => aside.read<Thing>({ key, ttlSeconds: 60, accepts: isThing, load })
  return { cache, aside, key, read, answers: (name: string) => read(async () => ({ name })) }
}

t.test('read() loads once, then answers from the cache for the TTL', async t => {
  const { cache, key, answers } = await openCache(t)
  t.strictSame(await answers('first'), { value: { name: 'first' }, cache: 'miss' })
  t.strictSame(await answers('second'), { value: { name: 'first' }, cache: 'hit' })
  const ttl = await cache.ttl(key)
  t.ok(ttl.ok && ttl.value !== undefined && ttl.value > 59 && ttl.value <= 60)
})

t.test('read() does not cache that the source has nothing', async t => {
  const { aside, key, cache } = await openCache(t)
  const nothing = { key, ttlSeconds: 60, accepts: isThing, load: async () => undefined }
  t.strictSame(await aside.read<Thing | undefined>(nothing), { value: undefined, cache: 'miss' })
  t.match(await cache.exists(key), { value: false })
})

t.test('read() passes a failure of the source on, and stores nothing', async t => {
  const { read, key, cache } = await openCache(t)
  await t.rejects(
    read(() => Promise.reject(new Error('no source'))),
    { message: 'no source' }
  )
  t.match(await cache.exists(key), { value: false })
})

t.test('read() replaces what is not JSON, and what is not a value of today', async t => {
  const { cache, key, answers } = await openCache(t)
  for (const stored of ['{"name":', 'null', '{"title":"of an older version"}', '"text"']) {
    await cache.set(key, stored)
    t.strictSame(await answers('new'), { value: { name: 'new' }, cache: 'miss' }, stored)
    t.equal((await answers('newer')).cache, 'hit')
  }
})

t.test('read() does not store what was loaded before an invalidation', async t => {
  const { aside, cache, key, read, answers } = await openCache(t)
  const source = Promise.withResolvers<Thing>()
  const reading = read(() => source.promise)
  await sleep(1)
  await aside.invalidate([key])
  source.resolve({ name: 'old' })
  t.strictSame(await reading, { value: { name: 'old' }, cache: 'miss' }, 'who asked before the write gets it')
  t.match(await cache.exists(key), { value: false })
  t.strictSame(await answers('new'), { value: { name: 'new' }, cache: 'miss' })
})

t.test('read() leaves what is not ours alone: a list under our key', async t => {
  await using redis = await startRedis()
  const { key, answers } = await openCache(t, redis.url)
  await redis.cli('RPUSH', key, 'precious')
  t.strictSame(await answers('new'), { value: { name: 'new' }, cache: 'error' })
  t.equal(await redis.cli('LRANGE', key, '0', '-1'), 'precious')
})

t.test('invalidate() is made up for before the next read, when Redis did not hear of it', async t => {
  await using redis = await startRedis()
  const { aside, cache, key, answers } = await openCache(t, redis.url)
  await answers('old')
  await redis.freeze()
  // Until the adapter no longer sends anything: then the deletion cannot be waiting in a buffer either.
  await Promise.all(Array.from({ length: 10 }, () => cache.exists(key)))
  const started = performance.now()
  await aside.invalidate([key])
  t.strictSame(await answers('new'), { value: { name: 'new' }, cache: 'error' })
  t.ok(performance.now() - started < 1_000, 'nobody waits for a frozen server')
  await redis.resume()
  while (!(await cache.ping()).ok) await sleep(20)
  t.match(await redis.cli('GET', key), 'old')
  t.strictSame(await answers('new'), { value: { name: 'new' }, cache: 'miss' })
  t.strictSame(await answers('newer'), { value: { name: 'new' }, cache: 'hit' }, 'and all is as before')
})
