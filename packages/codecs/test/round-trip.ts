import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import t from 'tap'
import { type Codec, type CodecOptions, createKeyRing, json, messagePack } from '../src/index.ts'
import { isSame } from './fixtures/same.ts'

const RUNS = 500
const context = { key: 'shop:basket:1' }
const encryption = createKeyRing({ current: 'a', keys: { a: Buffer.alloc(32, 7) } })
const variants: Readonly<Record<string, CodecOptions>> = {
  plain: { compression: false },
  gzip: { compression: 'gzip', compressFromBytes: 0 },
  brotli: { compression: 'brotli', compressFromBytes: 0 },
  zstd: { compression: 'zstd', compressFromBytes: 0 },
  'gzip, encrypted': { compression: 'gzip', compressFromBytes: 0, encryption }
}

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom('constructor', 'toJSON', 'length', '0', '')
)
const anyText = fc.oneof(text, fc.constantFrom('\ud800', '\udc00a', '__proto__', '\ufffd'))
const anything = fc.anything({
  key: anyText,
  values: [
    ...[anyText, fc.boolean(), fc.integer(), fc.maxSafeInteger(), fc.double(), fc.constantFrom(null, undefined, -0)],
    ...[fc.bigInt(), fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }), fc.date({ noInvalidDate: false })],
    fc.constantFrom(Symbol.iterator, () => 1, /a/g, new Error('e'), Buffer.from('b'), new (class Basket {})())
  ],
  maxDepth: 4,
  withBoxedValues: true,
  withMap: true,
  withNullPrototype: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true
})
/** As an API's answers are: many objects of few shapes, more than the library has one-byte ids for. */
const rows = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: 90 }), fc.jsonValue({ maxDepth: 2 }))
    .map(([shape, value]) => ({ [`p${shape}`]: value, [`q${shape % 7}`]: { nested: shape } })),
  { maxLength: 200 }
)

function comesBack(codec: Codec<unknown>, value: unknown): 'same' | 'refused' | 'changed' {
  const encoded = codec.encode(value, context)
  if (!encoded.ok) return 'refused'
  const decoded = codec.decode(encoded.value, context)
  return decoded.ok && isSame(decoded.value, value) ? 'same' : 'changed'
}

const creators: Readonly<Record<string, (options?: CodecOptions) => Codec<unknown>>> = { json, messagePack }

for (const [name, create] of Object.entries(creators)) {
  for (const [variant, options] of Object.entries(variants)) {
    const codec = create(options)
    t.test(`decode() of ${name}, ${variant}, gives what encode() was given, or encode() refused it`, async t => {
      const counts = { same: 0, refused: 0, changed: 0 }
      const runs = options.compression === false ? RUNS * 4 : RUNS
      fc.assert(
        fc.property(fc.oneof(anything, rows), value => {
          const outcome = comesBack(codec, value)
          counts[outcome]++
          return outcome !== 'changed'
        }),
        { numRuns: runs }
      )
      t.ok(counts.same > runs / 10, `${counts.same} came back`)
      t.ok(counts.refused > runs / 100, `${counts.refused} were refused`)
    })
  }
  t.test(`encode() of ${name} accepts every JSON value, but for what it says it refuses`, async t => {
    const codec = create()
    const noNegativeZero = fc.jsonValue().map(value => JSON.parse(JSON.stringify(value)))
    const supported = noNegativeZero.filter(value => name === 'json' || !JSON.stringify(value).includes('"__proto__":'))
    fc.assert(
      fc.property(supported, value => comesBack(codec, value) === 'same'),
      { numRuns: RUNS }
    )
    t.pass()
  })
}

const cycle: unknown[] = []
cycle.push({ cycle })
const mapCycle = new Map<string, unknown>()
mapCycle.set('self', mapCycle)
class Basket {
  apples = 2
}
const REFUSED_BY_BOTH: Readonly<Record<string, unknown>> = {
  '-0': [-0],
  'a cycle': cycle,
  'a function': { f: () => 1 },
  'a symbol': [Symbol('s')],
  'a symbol as a property name': { [Symbol('s')]: 1 },
  'a Basket': new Basket(),
  'a Buffer': Buffer.from('a'),
  'a RegExp': /a/,
  'a Error': new Error('secret'),
  'a Number': Object(1),
  'a Promise': Promise.resolve(1),
  'an object without a prototype': Object.create(null),
  'a class instance': Object.create(Object.create(null)),
  'a Object': runInNewContext('({})'),
  'an array with holes or extra properties': new Array(2),
  'a toJSON function': Object.defineProperty({}, 'toJSON', { value: () => 1 }),
  'a value that throws when it is read': {
    get secret() {
      throw new Error('secret')
    }
  }
}
const holeAndExtra = Object.assign([undefined, 1], { extra: 1 })
delete holeAndExtra[0]
const symbolOnArray = Object.assign([1], { [Symbol('s')]: 1 })

t.test('encode() of both names the kind of what it refuses', async t => {
  for (const codec of [json<unknown>(), messagePack<unknown>()]) {
    for (const [kind, value] of Object.entries(REFUSED_BY_BOTH)) {
      const refused = codec.encode({ deep: [value] }, context)
      t.match(refused, { ok: false, error: { code: 'CACHE_SERIALIZATION_ERROR' } })
      t.equal(refused.ok || refused.error.message.split(' holds ')[1]?.split(', which')[0], kind)
    }
    t.notOk(codec.encode(holeAndExtra, context).ok, 'a hole that an extra property makes up for')
    t.notOk(codec.encode(Object.assign([1], { extra: 1 }), context).ok, 'an extra property')
    t.notOk(codec.encode(symbolOnArray, context).ok, 'a symbol on an array')
  }
})

t.test('encode() of json refuses what only MessagePack carries', async t => {
  for (const value of [NaN, Infinity, undefined, 1n, new Date(0), new Map(), new Set(), new Uint8Array(1)]) {
    t.equal(comesBack(json<unknown>(), { value }), 'refused')
    t.equal(comesBack(messagePack(), { value }), 'same')
  }
})

t.test('encode() of messagePack refuses what only JSON carries', async t => {
  for (const value of ['\ud800', { '\udc00': 1 }, JSON.parse('{"__proto__":1}')]) {
    t.equal(comesBack(messagePack(), value), 'refused')
    t.equal(comesBack(json<unknown>(), value), 'same')
  }
})

t.test(
  'encode() of messagePack carries dates, bigints and bytes at their limits, and refuses what hangs on them',
  async t => {
    const values = [
      ...[
        new Date(8.64e15),
        new Date(-8.64e15),
        new Date(-1),
        new Date(NaN),
        2n ** 64n,
        -(2n ** 63n) - 1n,
        2n ** 70_000n
      ],
      ...[
        new Uint8Array([9, 1, 2]).subarray(1),
        new Float64Array([NaN, -0]),
        new ArrayBuffer(2),
        new BigUint64Array([1n])
      ],
      ...[new Map<unknown, unknown>([[{ a: 1 }, new Map()]]), new Set([new Set([undefined])])]
    ]
    for (const value of values) t.equal(comesBack(messagePack(), [value]), 'same')
    for (const value of [new Map(), new Set(), new Date()]) {
      t.equal(comesBack(messagePack(), Object.assign(value, { extra: 1 })), 'refused')
    }
    t.equal(comesBack(messagePack(), mapCycle), 'refused')
    t.equal(comesBack(messagePack(), new Map([[-1, () => 1]])), 'refused')
    t.equal(comesBack(messagePack(), new Set([Symbol.iterator])), 'refused')
    t.equal(comesBack(messagePack(), new Map([[-1, 0]])), 'same')
  }
)

t.test('decode() gives bytes that hold no reference to the entry', async t => {
  const codec = messagePack<Uint8Array>({ compression: false })
  const encoded = codec.encode(new Uint8Array([1, 2, 3]), context)
  if (!encoded.ok) throw new Error('not encoded')
  const decoded = codec.decode(encoded.value, context)
  encoded.value.fill(0)
  t.strictSame(decoded, { ok: true, value: new Uint8Array([1, 2, 3]) })
})

t.test('encode() compresses from the threshold on, and only what gets smaller', async t => {
  const compressionOf = (length: number, options: CodecOptions, unit = 'a') => {
    const encoded = json<string>(options).encode(unit.repeat(length), context)
    return encoded.ok ? ((encoded.value[0] ?? 0) >> 2) & 0b11 : undefined
  }
  t.equal(compressionOf(1_021, {}), 0, '1023 bytes')
  t.equal(compressionOf(1_022, {}), 1, '1024 bytes')
  t.equal(compressionOf(1_022, { compression: false }), 0)
  t.equal(compressionOf(10_000, { compression: 'brotli' }), 2)
  t.equal(compressionOf(10_000, { compression: 'zstd' }), 3)
  t.equal(compressionOf(1, { compressFromBytes: 0 }), 0, 'gzip would make it larger')
})
