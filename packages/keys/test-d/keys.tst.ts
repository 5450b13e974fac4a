import type { CacheProtocol } from '@dashtam/cache-protocol'
import { describe, expect, test } from 'tstyche'
import { type CacheKey, type CacheTag, dashtamFamilies, defineKeys, defineTags, type Families } from '../src/index.ts'

const options = { prefix: 'dashtam', secret: 'for types only, never run: 32 bytes' }
const keys = defineKeys(options, {
  userProfile: 'user:{userId}:profile',
  account: { template: 'user:{userId}:account:{accountId}', ttlSeconds: 300 },
  userSessions: 'session:{{userId}}:list',
  session: { template: 'session:{sessionId}', hashed: ['sessionId'] },
  version: 'security:global:version'
})

describe('a family', () => {
  test('takes the parameters of its template', () => {
    expect(keys.userProfile).type.toBeCallableWith({ userId: 42 })
    expect(keys.userProfile).type.toBeCallableWith({ userId: 'ada' })
    expect(keys.account).type.toBeCallableWith({ userId: 42, accountId: 'a' })
    expect(keys.userSessions).type.toBeCallableWith({ userId: 42 })
    expect<Parameters<typeof keys.account>[0]>().type.toBe<{
      readonly userId: string | number
      readonly accountId: string | number
    }>()
  })

  test('does not take fewer, more, or others', () => {
    expect(keys.userProfile).type.not.toBeCallableWith()
    expect(keys.userProfile).type.not.toBeCallableWith({})
    expect(keys.account).type.not.toBeCallableWith({ userId: 42 })
    expect(keys.userProfile).type.not.toBeCallableWith({ userId: 42, accountId: 1 })
    expect(keys.userProfile).type.not.toBeCallableWith({ userid: 42 })
    expect(keys.userSessions).type.not.toBeCallableWith({ '{userId}': 42 })
  })

  test('does not take what is neither a string nor a number', () => {
    expect(keys.userProfile).type.not.toBeCallableWith({ userId: undefined })
    expect(keys.userProfile).type.not.toBeCallableWith({ userId: null })
    expect(keys.userProfile).type.not.toBeCallableWith({ userId: 1n })
    expect(keys.userProfile).type.not.toBeCallableWith({ userId: ['a'] })
    expect(keys.userProfile).type.not.toBeCallableWith('ada')
  })

  test('without parameters is called with nothing', () => {
    expect(keys.version).type.toBeCallableWith()
    expect(keys.version).type.not.toBeCallableWith({})
    expect(keys.version).type.not.toBeCallableWith({ userId: 42 })
  })

  test('takes any of its parameters, and no others, for a pattern', () => {
    expect(keys.account.pattern).type.toBeCallableWith()
    expect(keys.account.pattern).type.toBeCallableWith({ userId: 42 })
    expect(keys.account.pattern).type.not.toBeCallableWith({ userid: 42 })
    expect(keys.account.pattern).type.not.toBeCallableWith({ userId: undefined })
  })

  test('knows the lifetime that its definition states', () => {
    expect(keys.account.ttlSeconds).type.toBe<300>()
    expect(keys.userProfile.ttlSeconds).type.toBe<undefined>()
  })
})

describe('a key', () => {
  test('is a string for the port, and a string is no key', () => {
    expect(keys.version()).type.toBe<CacheKey>()
    expect<CacheProtocol['get']>().type.toBeCallableWith(keys.version())
    expect<CacheKey>().type.not.toBeAssignableFrom<string>()
  })

  test('is not a tag, and a pattern is neither', () => {
    const tags = defineTags({}, { user: 'user:{userId}' })
    expect(tags.user({ userId: 42 })).type.toBe<CacheTag>()
    expect(tags.user).type.not.toBeCallableWith({})
    expect<CacheTag>().type.not.toBeAssignableTo<CacheKey>()
    expect(keys.account.pattern()).type.not.toBeAssignableTo<CacheKey>()
  })
})

describe('a registry', () => {
  test('has no other families', () => {
    expect(keys).type.not.toHaveProperty('nobody')
  })

  test('gives a tenant the same families, and no way to another tenant', () => {
    const tenantKeys = keys.forTenant('acme')
    expect(tenantKeys.account).type.toBe<typeof keys.account>()
    expect(tenantKeys).type.not.toHaveProperty('forTenant')
    expect(keys.forTenant).type.not.toBeCallableWith(undefined)
  })

  test('can be made from the toolkit’s families and one’s own', () => {
    const all = defineKeys(options, { ...dashtamFamilies, report: 'report:{reportId}' })
    expect(all.report).type.toBeCallableWith({ reportId: 7 })
    expect(all.oauthState).type.toBeCallableWith({ state: 'x' })
    expect(all.oauthState).type.not.toBeCallableWith({})
  })

  test('can be made from families that are known at run time only', () => {
    expect(defineKeys).type.toBeCallableWith(options, {} as Families)
  })
})

describe('defineKeys()', () => {
  test('refuses to hash what the template does not have', () => {
    expect(defineKeys).type.toBeCallableWith(options, { a: { template: 'a:{id}', hashed: ['id'] } })
    expect(defineKeys).type.not.toBeCallableWith(options, { a: { template: 'a:{id}', hashed: ['ID'] } })
    expect(defineKeys).type.not.toBeCallableWith(options, { a: { template: 'a', hashed: ['a'] } })
    expect(defineTags).type.not.toBeCallableWith({}, { a: { template: 'a:{id}', hashed: ['ID'] } })
  })

  test('refuses properties that it does not know', () => {
    expect(defineKeys).type.not.toBeCallableWith(options, { a: { template: 'a:{id}', hash: ['id'] } })
    expect(defineKeys).type.not.toBeCallableWith({ ...options, keyspace: 'dashtam' }, { a: 'a:{id}' })
    expect(defineKeys).type.not.toBeCallableWith({}, { a: 'a:{id}' })
  })

  test('refuses the names of its own members', () => {
    expect(defineKeys).type.not.toBeCallableWith(options, { forTenant: 'a:{id}' })
    expect(defineKeys).type.not.toBeCallableWith(options, { familyOf: 'a:{id}' })
    expect(defineKeys).type.not.toBeCallableWith(options, { prefix: 'a:{id}' })
    expect(defineKeys).type.not.toBeCallableWith(options, { prefix: { template: 'a:{id}' } })
  })
})
