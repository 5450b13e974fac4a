import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import t from 'tap'
import { type Codec, type CodecOptions, createKeyRing, json, messagePack } from '../src/index.ts'
import { isSame } from './fixtures/same.ts'

const context = { key: 'shop:basket:1' }
const encryption = createKeyRing({ current: 'a', keys: { a: Buffer.alloc(32, 7) } })
const value = { id: 'basket', lines: Array.from({ length: 20 }, (_, index) => ({ sku: `sku-${index}`, count: index })) }
const create: Readonly<Record<'json' | 'messagePack', (options?: CodecOptions) => Codec<unknown>>> = {
  json,
  messagePack
}
const MB = 1024 * 1024

function encode(name: 'json' | 'messagePack', options: CodecOptions, encoded: unknown = value): Uint8Array {
  const result = create[name](options).encode(encoded, context)
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

function reasonOf(bytes: Uint8Array, options: CodecOptions = {}): string {
  const result = json(options).decode(bytes, context)
  return result.ok ? 'readable' : result.error.reason
}

const JSON_ENTRY = 0b1000_0000
const JSON_GZIP_ENTRY = 0b1000_0100
const MESSAGE_PACK_ENTRY = 0b1000_0001
const entry = (firstByte: number, body: string | Uint8Array) => Buffer.concat([Buffer.of(firstByte), Buffer.from(body)])

t.test('decode() tells a foreign format from a damaged entry', async t => {
  for (const foreign of ['', '{"a":1}', 'null', '\x1f\x8b', '\x00', 'L0123456789abcdef']) {
    t.equal(reasonOf(Buffer.from(foreign, 'latin1')), 'foreign')
  }
  for (const firstByte of [0b1010_0000, 0b1000_0010, 0b1000_0011, 0b1100_0000, 0xff]) {
    t.equal(reasonOf(entry(firstByte, '1')), 'foreign', 'a later version or serializer')
  }
  t.equal(reasonOf(entry(JSON_ENTRY, '1')), 'readable')
  t.equal(reasonOf(entry(JSON_ENTRY, '')), 'corrupt')
  t.equal(reasonOf(entry(JSON_ENTRY, '{"a":')), 'corrupt')
  t.equal(reasonOf(entry(JSON_ENTRY, Buffer.of(0x22, 0xff, 0x22))), 'corrupt', 'no UTF-8')
  t.equal(reasonOf(entry(JSON_GZIP_ENTRY, '1')), 'corrupt')
  t.equal(reasonOf(entry(MESSAGE_PACK_ENTRY, '')), 'corrupt')
})

t.test('decode() refuses kinds of MessagePack that encode() never writes', async t => {
  const packr = new Packr({ useRecords: true, moreTypes: true })
  for (const written of [/(a+)+$/, new Error('e'), Buffer.of(0xc1)]) {
    const bytes = Buffer.isBuffer(written) ? written : packr.pack([written])
    t.equal(reasonOf(entry(MESSAGE_PACK_ENTRY, bytes)), 'corrupt')
  }
  const itself: unknown[] = []
  itself.push(itself)
  const clone = new Packr({ structuredClone: true }).pack(itself)
  t.equal(reasonOf(entry(MESSAGE_PACK_ENTRY, clone)), 'corrupt', 'a cycle')
})

t.test('decode() does not let __proto__ reach a prototype', async t => {
  const packed = new Packr({ useRecords: false }).pack(JSON.parse('{"__proto__":{"isAdmin":true}}'))
  const record = new Packr({ useRecords: true }).pack(JSON.parse('{"__proto__":{"isAdmin":true}}'))
  for (const bytes of [entry(MESSAGE_PACK_ENTRY, packed), entry(MESSAGE_PACK_ENTRY, record)]) {
    const decoded = messagePack<{ isAdmin?: boolean }>().decode(bytes, context)
    t.notOk(decoded.ok && decoded.value.isAdmin)
  }
  t.equal(({} as { isAdmin?: boolean }).isAdmin, undefined)
})

t.test('decode() reads both serializers and every compression, whichever the codec writes', async t => {
  for (const name of ['json', 'messagePack'] as const) {
    for (const compression of ['gzip', 'brotli', 'zstd', false] as const) {
      const bytes = encode(name, { compression, compressFromBytes: 0 })
      t.strictSame(json().decode(bytes, context), { ok: true, value })
      t.strictSame(messagePack().decode(new Uint8Array(bytes), context), { ok: true, value })
    }
  }
})

t.test('decode() needs nothing that another entry has brought', async t => {
  const bytes = encode('messagePack', { compression: false })
  t.ok(Buffer.from(bytes).includes('lines'), 'the structure is in the entry')
  const withoutDefinition = new Packr({
    structures: [
      ['id', 'lines'],
      ['sku', 'count']
    ]
  }).pack(value)
  t.ok(messagePack().decode(bytes, context).ok)
  t.equal(reasonOf(entry(MESSAGE_PACK_ENTRY, withoutDefinition)), 'corrupt', 'nothing is left of the entry before')
})

t.test('decode() refuses what is too large before reading it, and a bomb as soon as it is', async t => {
  const maxValueBytes = 1_000
  t.equal(reasonOf(entry(JSON_ENTRY, `"${'a'.repeat(998)}"`), { maxValueBytes }), 'readable')
  t.equal(reasonOf(entry(JSON_ENTRY, `"${'a'.repeat(999)}"`), { maxValueBytes }), 'too_large')
  t.equal(reasonOf(entry(JSON_ENTRY, 'a'.repeat(2_000)), { maxValueBytes }), 'too_large', 'without parsing')
  t.equal(reasonOf(entry(JSON_GZIP_ENTRY, gzipSync(`"${'a'.repeat(999)}"`)), { maxValueBytes }), 'too_large')
  for (const compression of ['gzip', 'brotli', 'zstd'] as const) {
    const bomb = encode('json', { compression, maxValueBytes: 256 * MB }, 'a'.repeat(200 * MB))
    const before = process.memoryUsage().arrayBuffers
    t.equal(reasonOf(bomb, { maxValueBytes: MB }), 'too_large', `${bomb.length} bytes of ${compression}`)
    t.ok(process.memoryUsage().arrayBuffers - before < 20 * MB, 'stopped in time')
  }
})

t.test('decode() and encode() refuse what is nested too deeply', async t => {
  const nest = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
  for (const name of ['json', 'messagePack'] as const) {
    t.match(create[name]({ maxDepth: 3 }).encode(nest(3), context), { ok: true })
    const refused = create[name]({ maxDepth: 3 }).encode(nest(4), context)
    t.match(refused, { ok: false, error: { code: 'CACHE_SERIALIZATION_ERROR', message: /more than 3 levels/ } })
    t.equal(reasonOf(encode(name, {}, nest(4)), { maxDepth: 3 }), 'too_deep')
    t.equal(reasonOf(encode(name, {}, { a: { b: { c: {} } } }), { maxDepth: 3 }), 'too_deep')
    t.ok(create[name]({ maxDepth: 1_000 }).decode(encode(name, { maxDepth: 1_000 }, nest(1_000)), context).ok)
  }
  t.equal(reasonOf(entry(JSON_ENTRY, '['.repeat(MB) + ']'.repeat(MB))), 'too_deep')
  t.equal(reasonOf(entry(MESSAGE_PACK_ENTRY, Buffer.alloc(MB, 0x91))), 'corrupt', "the decoder's stack is caught")
})

t.test('encode() refuses what is too large, and says how large it is', async t => {
  const codec = json({ maxValueBytes: 10 })
  t.ok(codec.encode('12345678', context).ok)
  t.match(codec.encode('123456789', context), {
    ok: false,
    error: { code: 'CACHE_VALUE_TOO_LARGE', sizeBytes: 11, maxValueBytes: 10 }
  })
  let shared: unknown[] = []
  for (let level = 0; level < 60; level++) shared = [shared, shared]
  t.match(messagePack({ maxValueBytes: 10_000 }).encode(shared, context), {
    ok: false,
    error: { code: 'CACHE_VALUE_TOO_LARGE', maxValueBytes: 10_000 }
  })
})

const FUZZED: Readonly<Record<string, CodecOptions>> = {
  plain: { compression: false },
  gzip: { compression: 'gzip' },
  brotli: { compression: 'brotli' },
  zstd: { compression: 'zstd' },
  encrypted: { compression: false, encryption },
  'gzip, encrypted': { compression: 'gzip', encryption }
}
for (const name of ['json', 'messagePack'] as const) {
  for (const [variant, variantOptions] of Object.entries(FUZZED)) {
    const options = { ...variantOptions, compressFromBytes: 0 }
    const codec = create[name](options)
    const whole = encode(name, options)

    t.test(`decode() of ${name}, ${variant}, survives every cut and every flipped bit`, async t => {
      let wrong = 0
      const look = (bytes: Uint8Array) => {
        const decoded = codec.decode(bytes, context)
        if (decoded.ok && !isSame(decoded.value, value)) wrong++
        return decoded.ok
      }
      for (let length = 0; length < whole.length; length++)
        if (look(whole.subarray(0, length))) t.fail(`the first ${length} bytes passed for the whole`)
      for (let bit = 0; bit < whole.length * 8; bit++) {
        const flipped = Buffer.from(whole)
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        if (look(flipped) && options.encryption !== undefined) t.fail(`bit ${bit} of an encrypted entry went unnoticed`)
      }
      if (options.encryption !== undefined) t.equal(wrong, 0)
      t.ok(look(whole), 'and still reads the whole')
    })

    t.test(`decode() of ${name}, ${variant}, survives random bytes`, async t => {
      const noise = fc.uint8Array({ maxLength: 300 })
      fc.assert(
        fc.property(noise, fc.nat(whole.length - 1), (bytes, at) => {
          codec.decode(bytes, context)
          codec.decode(Buffer.concat([whole.subarray(0, 1), bytes]), context)
          const decoded = codec.decode(Buffer.concat([whole.subarray(0, at), bytes]), context)
          return !decoded.ok || options.encryption === undefined
        }),
        { numRuns: 300 }
      )
      t.ok(codec.decode(whole, context).ok)
    })
  }
}
