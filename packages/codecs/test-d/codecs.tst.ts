import type { JsonValue } from '@dashtam/cache-protocol'
import { describe, expect, test } from 'tstyche'
import { z } from 'zod'
import { type Codec, createKeyRing, json, messagePack } from '../src/index.ts'

interface Basket {
  readonly apples: number
}

describe('json() and messagePack()', () => {
  test('take the type from the schema: what it accepts, not what it makes of that', () => {
    const schema = z.object({ at: z.string().transform(text => new Date(text)), note: z.string().default('') })
    expect(json({ schema })).type.toBe<Codec<{ at: string; note?: string | undefined }>>()
    expect(messagePack({ schema, maxDepth: 3 })).type.toBe<Codec<{ at: string; note?: string | undefined }>>()
  })

  test('take the type from the caller', () => {
    expect(json<Basket>()).type.toBe<Codec<Basket>>()
    expect(json<Basket>({ compression: false })).type.toBe<Codec<Basket>>()
    expect(messagePack<Map<string, Date>>()).type.toBe<Codec<Map<string, Date>>>()
    expect(json()).type.toBe<Codec<JsonValue>>()
    expect(messagePack()).type.toBe<Codec<unknown>>()
  })

  test('take no other options', () => {
    expect(json).type.not.toBeCallableWith({ compression: true })
    expect(json).type.not.toBeCallableWith({ compress: 'gzip' })
    expect(messagePack).type.not.toBeCallableWith({ schema: {} })
    expect(json).type.not.toBeCallableWith({ encryption: { current: 'a', keys: { a: new Uint8Array(32) } } })
    expect(json).type.toBeCallableWith({ encryption: createKeyRing({ current: 'a', keys: { a: new Uint8Array(32) } }) })
  })
})

describe('a codec', () => {
  test('encodes its own type only', () => {
    expect(json<Basket>().encode).type.not.toBeCallableWith({ apples: '2' }, { key: 'k' })
    expect(json<Basket>().encode).type.not.toBeCallableWith({ apples: 2 })
  })

  test('has a value or a reason', () => {
    const decoded = json<Basket>().decode(new Uint8Array(), { key: 'k' })
    if (decoded.ok) expect(decoded.value).type.toBe<Basket>()
    else {
      expect(decoded.error.reason).type.toBe<
        'foreign' | 'corrupt' | 'unknown_key' | 'unauthentic' | 'too_large' | 'too_deep' | 'schema'
      >()
    }
  })
})
