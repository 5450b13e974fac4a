import { defineKeys } from '@dashtam/cache-keys'
import type { CacheFamily, FencedStore, InvalidationFeed, Result } from '@dashtam/cache-protocol'
import { describe, expect, test } from 'tstyche'
import type { createReadThrough, ReadThroughCache } from '../src/index.ts'

interface Account {
  id: string
  owners: { name: string }[]
  since: Date
  limits: Map<string, { amount: number }>
}

declare const cache: ReadThroughCache
declare const store: FencedStore
declare const feed: InvalidationFeed
declare function load(): Promise<Account>
declare const create: typeof createReadThrough

const keys = defineKeys({ prefix: 'bank' }, { account: 'account:{id}' })
const accounts = cache.family(keys.account, { load })

describe('the parameters of a family', () => {
  test('are those of its key', () => {
    expect(accounts.get).type.toBeCallableWith({ id: 'a' })
    expect(accounts.get).type.not.toBeCallableWith({})
    expect(accounts.get).type.not.toBeCallableWith({ id: 'a', userId: 1 })
    expect(accounts.getMany).type.toBeCallableWith([{ id: 'a' }])
    expect(accounts.invalidate).type.toBeCallableWith({ id: 'a' })
    expect(accounts.invalidate).type.toBeCallableWith([{ id: 'a' }])
  })

  test('and those of its tags', () => {
    const tagged = cache.family(keys.account, {
      tags: ({ userId }: { id: string; userId: number }) => [`user:${userId}`],
      load: ({ id, userId }) => ({ id, userId })
    })
    expect(tagged.get).type.toBeCallableWith({ id: 'a', userId: 1 })
    expect(tagged.get).type.not.toBeCallableWith({ id: 'a' })
    expect(tagged.get).type.not.toBeCallableWith({ userId: 1 })
  })
})

describe('the value of a family', () => {
  test('is what its loader gives, read-only at every depth', async () => {
    const account = await accounts.get({ id: 'a' })
    expect(account.id).type.toBe<string>()
    expect(account.owners).type.toBe<readonly { readonly name: string }[]>()
    expect(account.since).type.toBe<Date>()
    expect(account.limits).type.toBe<ReadonlyMap<string, { readonly amount: number }>>()
    expect(accounts).type.toBeAssignableTo<CacheFamily<{ id: string }, Account>>()
  })

  test('is what set() and mutate() take', () => {
    expect(accounts.set).type.not.toBeCallableWith({ id: 'a' }, { id: 'a' })
    expect(accounts.mutate({ id: 'a' }, () => 1)).type.toBe<
      Promise<{ readonly value: number; readonly invalidation: Result<void> }>
    >()
  })

  test('of getOrLoad() as well', () => {
    expect(cache.getOrLoad('bank:a', () => ({ list: [1] }))).type.toBe<Promise<{ readonly list: readonly number[] }>>()
  })
})

describe('the options', () => {
  test('of a family are known ones', () => {
    expect(cache.family).type.toBeCallableWith(keys.account, { load, policy: 'stale' as const })
    expect(cache.family).type.not.toBeCallableWith(keys.account, { load, policy: 'sometimes' as const })
    expect(cache.family).type.not.toBeCallableWith(keys.account, { ttlSeconds: 1 })
  })

  test('of the engine have a store and its feed together', () => {
    expect(create).type.toBeCallableWith({ store, feed })
    expect(create).type.toBeCallableWith({ keyspace: 'bank' })
    expect(create).type.not.toBeCallableWith({ store })
    expect(create).type.not.toBeCallableWith({ feed })
  })
})
