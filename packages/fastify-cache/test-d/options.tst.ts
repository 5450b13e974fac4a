import type { CacheProtocol, FencedStore, InvalidationFeed } from '@dashtam/cache-protocol'
import { cacheStatus, type FastifyCacheOptions } from '@dashtam/fastify-cache'
import type { FastifyInstance } from 'fastify'
import { expect, test } from 'tstyche'

declare const app: FastifyInstance
declare const port: CacheProtocol
declare const store: FencedStore
declare const feed: InvalidationFeed

test('the cache is in one place', () => {
  expect<FastifyCacheOptions>().type.toBeAssignableFrom({ redis: { url: '' }, readThrough: { leaseMs: 100 } })
  expect<FastifyCacheOptions>().type.toBeAssignableFrom({ store: port, readThrough: { store, feed } })
  expect<FastifyCacheOptions>().type.toBeAssignableFrom({ readThrough: { store, feed } })
  expect<FastifyCacheOptions>().type.not.toBeAssignableFrom({ redis: { url: '' }, memory: {} })
  expect<FastifyCacheOptions>().type.not.toBeAssignableFrom({ redis: { url: '' }, readThrough: { store, feed } })
  expect<FastifyCacheOptions>().type.not.toBeAssignableFrom({ store: port, readThrough: { store } })
})

test('a read says what its Cache-Status is', () => {
  const family = app.cache.family(
    Object.assign((_: { id: number }) => '', { family: 'product' }),
    {
      load: ({ id }) => ({ id })
    }
  )
  expect(cacheStatus).type.toBeCallableWith({ status: 'hit' as const })
  expect(family.read({ id: 1 }).then(cacheStatus)).type.toBe<Promise<string>>()
  expect(cacheStatus).type.not.toBeCallableWith({ status: 'fresh' as const })
})
