import type { CacheError, CacheProtocol, Result } from '@dashtam/cache-protocol'
import { err, ok } from '@dashtam/cache-protocol'
import { describe, expect, test } from 'tstyche'

declare const cache: CacheProtocol

describe('Result', () => {
  test('its value is there only after ok was looked at', async () => {
    const result = await cache.get('k')
    expect(result).type.not.toHaveProperty('value')
    if (result.ok) expect(result.value).type.toBe<string | undefined>()
    else expect(result.error).type.toBe<CacheError>()
  })
  test('is made by ok and err', () => {
    expect(ok(1)).type.toBeAssignableTo<Result<number>>()
    expect(err('why')).type.toBeAssignableTo<Result<never, string>>()
    expect(ok('1')).type.not.toBeAssignableTo<Result<number>>()
  })
})

describe('CacheProtocol', () => {
  test('undefined cannot be stored, null can', () => {
    expect(cache.setJson).type.toBeCallableWith('k', null)
    expect(cache.setJson).type.toBeCallableWith('k', { a: 1 })
    expect(cache.setJson).type.not.toBeCallableWith('k', undefined)
    expect(cache.set).type.not.toBeCallableWith('k', 1)
  })
  test('a lifetime has its unit in its name', () => {
    expect(cache.set).type.toBeCallableWith('k', 'v', { ttlSeconds: 60 })
    expect(cache.set).type.not.toBeCallableWith('k', 'v', { ttl: 60 })
    expect(cache.set).type.not.toBeCallableWith('k', 'v', 60)
    expect(cache.get).type.not.toBeCallableWith('k', { ttlSeconds: 60 })
  })
  test('many entries come as pairs, of a Map or an array', () => {
    expect(cache.setMany).type.toBeCallableWith(new Map([['k', 'v']]))
    expect(cache.setMany).type.toBeCallableWith([['k', 'v']] as const)
    expect(cache.setMany).type.not.toBeCallableWith({ k: 'v' })
  })
  test('scan may be missing', () => {
    expect(cache.scan).type.toBeAssignableFrom(undefined)
  })
})
