import { createKeyRing } from '@dashtam/cache-codecs'
import { defineKeys } from '@dashtam/cache-keys'
import { MemoryFencedStore } from '@dashtam/cache-memory'
import t from 'tap'
import { createReadThrough, type ReadThroughOptions } from '../src/index.ts'
import { idsOf, MemoryFleet } from './fixtures/fleet/memory-fleet.ts'

t.test('createReadThrough() says which option is wrong, and what it should be', t => {
  const store = new MemoryFencedStore({ keyspace: 'shop' })
  for (const [options, message] of [
    [{ ttl: 5 }, "createReadThrough: unknown option 'ttl'"],
    [{ memory: { max: 5 } }, "createReadThrough: unknown option 'memory.max'"],
    [{ memory: { maxEntries: 0 } }, 'memory.maxEntries must be an integer of at least 1, got 0'],
    [{ memory: { maxBytes: 1.5 } }, 'memory.maxBytes must be an integer of at least 1, got 1.5'],
    [{ store }, 'store and feed go together'],
    [{ feed: store.openFeed() }, 'store and feed go together'],
    [{ keyspace: 'a:b' }, /keyspace/],
    [{ ttlSeconds: 0 }, /^ttlSeconds must be a number above 0 .*; got 0$/],
    [{ heartbeatMs: 9 }, 'heartbeatMs must be an integer of at least 10, got 9'],
    [{ leaseMs: '3000' }, 'leaseMs must be an integer of at least 10, got 3000'],
    [{ leaseMs: 1e12 }, 'leaseMs must be an integer of at most 86400000, got 1000000000000'],
    [{ degradedSeconds: -1 }, 'degradedSeconds must be a number of at least 0, got -1'],
    [{ degradedSeconds: Infinity }, 'degradedSeconds must be a number of at least 0, got Infinity'],
    [{ failover: 'trust' }, "failover must be 'redeliver' or 'distrust', got trust"],
    [{ clock: 7 }, 'clock must be a function, got number'],
    [{ random: null }, 'random must be a function, got object']
  ] as const) {
    t.throws(() => createReadThrough(options as unknown as ReadThroughOptions), { name: 'TypeError', message })
  }
  t.doesNotThrow(() => createReadThrough({ memory: { maxEntries: Number.MAX_SAFE_INTEGER } }))
  t.end()
})

t.test('family() says which option is wrong, and what it should be', t => {
  const { cache } = new MemoryFleet().open()
  const load = () => 'v'
  for (const [options, message] of [
    [{}, 'load must be a function, got undefined'],
    [{ load, ttl: 5 }, "unknown option 'ttl'"],
    [{ load, loadMany: [] }, 'loadMany must be a function, got object'],
    [{ load, tags: ['a'] }, 'tags must be a function, got object'],
    [{ load, ttlSeconds: -1 }, /^a: ttlSeconds must be a number above 0 .*; got -1$/],
    [{ load, ttlSeconds: '60' }, /^a: ttlSeconds must be a number above 0 .*; got string$/],
    [{ load, nullTtlSeconds: NaN }, /^a: nullTtlSeconds must be a number above 0 .*; got NaN$/],
    [{ load, staleSeconds: -1 }, 'staleSeconds must be a number of at least 0 and at most 1000000000000, got -1'],
    [{ load, staleSeconds: Infinity }, /^a: staleSeconds .*, got Infinity$/],
    [{ load, holdSeconds: 1e7 }, 'holdSeconds must be a number of at least 0 and at most 2147483.647, got 10000000'],
    [{ load, jitter: 1.1 }, 'jitter must be a number of at least 0 and at most 1, got 1.1'],
    [{ load, refreshAfter: 0 }, 'refreshAfter must be a number above 0 and at most 1, got 0'],
    [{ load, softTimeoutMs: -1 }, 'softTimeoutMs must be a number of at least 0 and at most 2147483647, got -1'],
    [{ load, hardTimeoutMs: 0 }, 'hardTimeoutMs must be a number of at least 1 and at most 2147483647, got 0'],
    [{ load, hardTimeoutMs: Infinity }, /^a: hardTimeoutMs .*, got Infinity$/],
    [{ load, placement: 'l1' }, 'placement must be one of both, shared, memory; got l1'],
    [{ load, policy: 'fail' }, 'policy must be one of open, closed, stale; got fail'],
    [{ load, consistency: 'weak' }, 'consistency must be one of eventual, strong; got weak'],
    [{ load, codec: 'json' }, 'codec must have encode() and decode(), got string'],
    [{ load, codec: createKeyRing({ current: 'a', keys: { a: new Uint8Array(32) } }) }, /^a: codec must have/],
    [{ load, isSensitive: 'yes' }, 'isSensitive must be a boolean, got string']
  ] as const) {
    const expected = typeof message === 'string' ? `a: ${message}` : message
    t.throws(() => cache.family(idsOf('a'), options as never), { name: 'TypeError', message: expected })
  }
  t.end()
})

t.test('family() wants a family of keys, each once', t => {
  const { cache } = new MemoryFleet().open()
  const load = () => 'v'
  for (const keys of [undefined, 'fleet:a', () => 'fleet:a', Object.assign(() => 'fleet:a', { family: '' })]) {
    t.throws(() => cache.family(keys as never, { load }), { name: 'TypeError', message: /a function with a name/ })
  }
  cache.family(idsOf('a'), { load })
  t.throws(() => cache.family(idsOf('a'), { load }), { message: "there is a cache family 'a' already" })
  t.throws(() => cache.family(idsOf('getOrLoad'), { load }), { message: /'getOrLoad' already/ })
  t.equal(cache.family(idsOf('b'), { load }).name, 'b')
  t.end()
})

t.test('family() takes the keys of a registry, with and without parameters', async t => {
  const keys = defineKeys({ prefix: 'shop' }, { product: { template: 'product:{id}', ttlSeconds: 5 }, rates: 'rates' })
  const cache = createReadThrough({ keyspace: keys.prefix })
  const products = cache.family(keys.product, { load: ({ id }) => `product ${id}` })
  t.equal(await products.get({ id: 7 }), 'product 7')
  const rates = cache.family(keys.rates, { load: () => 1.08 })
  t.equal(await rates.get(), 1.08)
  t.strictSame(await rates.invalidate(), { ok: true, value: undefined })
  const inspected = await products.inspect({ id: 7 })
  t.match(inspected, { ok: true, value: { key: 'shop:product:7' } })
  t.ok(inspected.ok && (inspected.value?.ttlSeconds ?? Infinity) <= 5, 'the lifetime of its key')
  for (const call of [
    products.get({} as never),
    products.read({} as never),
    products.lookup({} as never),
    products.set({} as never, 'v'),
    products.mutate({} as never, () => 'v'),
    products.invalidate({} as never),
    products.inspect({} as never)
  ]) {
    await t.rejects(call as Promise<unknown>, { name: 'TypeError', message: /^product: parameter id must be a string/ })
  }
  await t.rejects(products.invalidate([{ id: 1 }, {} as never]), { message: /^product: parameter id/ })
  t.strictSame(await products.warm([{} as never]), { done: 1, hits: 0, failed: 1 })
})

t.test('a tag function that throws is heard, and leaves nothing behind', async t => {
  const { cache } = new MemoryFleet().open()
  let isBroken = true
  const family = cache.family(idsOf('a'), {
    load: () => 'v',
    tags: () => {
      if (isBroken) throw new Error('no tag')
      return []
    }
  })
  await t.rejects(family.get({ id: 1 }), { message: 'no tag' })
  await t.rejects(family.get({ id: 1 }, { consistency: 'strong' }), { message: 'no tag' })
  await t.rejects(family.getMany([{ id: 1 }]), { message: 'no tag' })
  isBroken = false
  t.equal(await family.get({ id: 1 }), 'v')
})
