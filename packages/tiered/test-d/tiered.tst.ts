import { json, messagePack } from '@dashtam/cache-codecs'
import { defineKeys, defineTags } from '@dashtam/cache-keys'
import type {
  CacheEntry,
  CacheError,
  CacheFamily,
  DeepReadonly,
  Lookup,
  Mutated,
  ReadThrough,
  Result,
  Served
} from '@dashtam/cache-protocol'
import { describe, expect, test } from 'tstyche'
import { createReadThrough, type ReadThroughCache, type ReadThroughOptions } from '../src/index.ts'

const keys = defineKeys({ prefix: 'shop' }, { account: 'account:{id}', rates: 'rates' })
const tags = defineTags({}, { user: 'user:{userId}' })

interface Account {
  readonly name: string
  readonly owners: { name: string }[]
}

declare const cache: ReadThroughCache
declare const store: NonNullable<ReadThroughOptions['store']>
declare const feed: NonNullable<ReadThroughOptions['feed']>
declare function loadAccount(id: string | number, signal: AbortSignal): Promise<Account>

describe('the parameters of a family', () => {
  const accounts = cache.family(keys.account, { load: ({ id }, { signal }) => loadAccount(id, signal) })

  test('are those of its key', () => {
    expect(accounts.get).type.toBeCallableWith({ id: 7 })
    expect(accounts.get).type.not.toBeCallableWith({})
    expect(accounts.get).type.not.toBeCallableWith({ userId: 7 })
    expect(accounts.get).type.not.toBeCallableWith({ id: 7, userId: 8 })
    expect(accounts.getMany).type.toBeCallableWith([{ id: 7 }, { id: 8 }])
    expect(accounts.invalidate).type.toBeCallableWith({ id: 7 })
    expect(accounts.invalidate).type.toBeCallableWith([{ id: 7 }])
  })

  test('are those of its key and those of its tags together', () => {
    type Params = { readonly id: string | number; readonly userId: number }
    const owned = cache.family(keys.account, {
      tags: ({ userId }: Params) => [tags.user({ userId })],
      load: ({ id }, { signal }) => loadAccount(id, signal)
    })
    expect(owned).type.toBe<CacheFamily<Params, Account>>()
    expect(owned.get).type.toBeCallableWith({ id: 7, userId: 8 })
    expect(owned.get).type.not.toBeCallableWith({ id: 7 })
    expect(owned.mutate).type.not.toBeCallableWith({ id: 7 }, () => undefined)
  })

  test('hold those of its key in any case', () => {
    expect(cache.family).type.not.toBeCallableWith(keys.account, { load: (_: { readonly userId: number }) => 'v' })
  })

  test('need not be given when there are none', () => {
    const rates = cache.family(keys.rates, { load: () => 1.08 })
    expect(rates.get).type.toBeCallableWith()
    expect(rates.read).type.toBeCallableWith()
    expect(rates.lookup).type.toBeCallableWith()
    expect(rates.inspect).type.toBeCallableWith()
    expect(rates.invalidate).type.toBeCallableWith()
    expect(rates.get).type.toBeCallableWith(undefined, { consistency: 'strong' })
    expect(rates.get).type.not.toBeCallableWith({ id: 7 })
  })
})

describe('the values of a family', () => {
  const accounts = cache.family(keys.account, { load: ({ id }, { signal }) => loadAccount(id, signal) })

  test('are read-only at every depth, because readers share them', async () => {
    const account = await accounts.get({ id: 7 })
    expect(account).type.toBe<DeepReadonly<Account>>()
    expect(account.owners).type.toBe<readonly { readonly name: string }[]>()
    expect(accounts.getMany([{ id: 7 }])).type.toBe<Promise<DeepReadonly<Account>[]>>()
    expect(accounts.read({ id: 7 })).type.toBe<Promise<Served<Account>>>()
    expect(accounts.lookup({ id: 7 })).type.toBe<Promise<Result<Lookup<Account>>>>()
    expect(accounts.inspect({ id: 7 })).type.toBe<Promise<Result<CacheEntry<Account> | undefined>>>()
  })

  test('may be null when the loader says so', async () => {
    const maybe = cache.family(keys.account, { load: async (): Promise<Account | null> => null })
    expect(await maybe.get({ id: 7 })).type.toBe<DeepReadonly<Account> | null>()
  })

  test('are those that the loader gives', () => {
    expect(accounts.set).type.toBeCallableWith({ id: 7 }, { name: 'Ada', owners: [] })
    expect(accounts.set).type.not.toBeCallableWith({ id: 7 }, { name: 'Ada' })
    expect(accounts.set).type.not.toBeCallableWith({ id: 7 }, undefined)
    expect(accounts.mutate).type.toBeCallableWith({ id: 7 }, () => 1, { value: { name: 'Ada', owners: [] } })
    expect(accounts.mutate).type.not.toBeCallableWith({ id: 7 }, () => 1, { value: 'Ada' })
  })

  test('must be those of the codec', () => {
    const load = () => new Map<string, Date>()
    expect(cache.family).type.toBeCallableWith(keys.account, { load, codec: messagePack<Map<string, Date>>() })
    expect(cache.family).type.not.toBeCallableWith(keys.account, { load, codec: json<string>() })
  })

  test('keep the classes that cannot be frozen', () => {
    expect<DeepReadonly<{ at: Date; bytes: Uint8Array }>>().type.toBe<{
      readonly at: Date
      readonly bytes: Uint8Array
    }>()
    expect<DeepReadonly<Map<string, { a: number }>>>().type.toBe<ReadonlyMap<string, { readonly a: number }>>()
    expect<DeepReadonly<Set<number[]>>>().type.toBe<ReadonlySet<readonly number[]>>()
    expect<DeepReadonly<[{ a: 1 }, 'b']>>().type.toBe<readonly [{ readonly a: 1 }, 'b']>()
    expect<DeepReadonly<string | null | undefined>>().type.toBe<string | null | undefined>()
  })
})

describe('mutate()', () => {
  const accounts = cache.family(keys.account, { load: ({ id }, { signal }) => loadAccount(id, signal) })

  test('answers what write() returned, beside the invalidation', async () => {
    expect(accounts.mutate({ id: 7 }, () => 5)).type.toBe<Promise<Mutated<number>>>()
    const { invalidation } = await accounts.mutate({ id: 7 }, async () => 'v')
    if (!invalidation.ok) expect(invalidation.error).type.toBe<CacheError>()
  })
})

describe('the options of a family', () => {
  const load = () => 'v'

  test('are known', () => {
    expect(cache.family).type.toBeCallableWith(keys.account, { load, ttlSeconds: 5, staleSeconds: 5 })
    expect(cache.family).type.toBeCallableWith(keys.account, { load, ttlSeconds: (value: string) => value.length })
    expect(cache.family).type.not.toBeCallableWith(keys.account, { load, ttl: 5 })
    expect(cache.family).type.not.toBeCallableWith(keys.account, { load, placement: 'l1' })
    expect(cache.family).type.not.toBeCallableWith(keys.account, {})
    expect(cache.family).type.not.toBeCallableWith(keys.account, { load, tags: ['a'] })
    expect(cache.family).type.not.toBeCallableWith('account', { load })
  })

  test('of getOrLoad() name tags, since there are no parameters', () => {
    expect(cache.getOrLoad).type.toBeCallableWith('shop:rates', load, { tags: ['a'], consistency: 'strong' })
    expect(cache.getOrLoad).type.not.toBeCallableWith('shop:rates', load, { tags: () => ['a'] })
    expect(cache.getOrLoad).type.not.toBeCallableWith('shop:rates', load, { loadMany: () => ['v'] })
    expect(cache.getOrLoad('shop:rates', () => ({ eur: [1] }))).type.toBe<
      Promise<{ readonly eur: readonly number[] }>
    >()
  })
})

describe('createReadThrough()', () => {
  test('takes a store with its feed, or neither', () => {
    expect(createReadThrough).type.toBeCallableWith()
    expect(createReadThrough).type.toBeCallableWith({ keyspace: 'shop' })
    expect(createReadThrough).type.toBeCallableWith({ store, feed, heartbeatMs: 500 })
    expect(createReadThrough).type.not.toBeCallableWith({ store })
    expect(createReadThrough).type.not.toBeCallableWith({ feed })
    expect(createReadThrough).type.not.toBeCallableWith({ failover: 'trust' })
    expect(createReadThrough).type.not.toBeCallableWith({ memory: { max: 5 } })
    expect(createReadThrough).type.not.toBeCallableWith({ ttl: 5 })
  })

  test('makes what domain packages are handed', () => {
    expect(createReadThrough()).type.toBeAssignableTo<ReadThrough>()
  })
})
