import { Keyspace, matchesGlob } from '@dashtam/cache-protocol/adapter'
import fc from 'fast-check'
import t from 'tap'
import { defineKeys } from '../../src/index.ts'

// The looks for e-mail addresses are for development.
process.env.NODE_ENV = 'test'

const RUNS = 100_000

/** What breaks naive encodings: our own separators and escapes, globs, hash tags, halves of pairs, and look-alikes. */
const HOSTILE = [
  ...':{}*?[]\\%^-~@',
  ...[
    '\0',
    '\x01',
    '\n',
    '\x1f',
    '\x7f',
    '\x80',
    '\ud800',
    '\udbff',
    '\udc00',
    '\udfff',
    '😀',
    '\ufffd',
    'é',
    'e\u0301',
    '\u2028'
  ],
  ...[
    '%3A',
    '%25',
    '%uD800',
    '%~',
    '3A',
    'a',
    'A',
    'F',
    '0',
    '__proto__',
    'constructor',
    'account',
    '@acme',
    'undefined'
  ]
]
const hostileText = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.constantFrom(...HOSTILE), { maxLength: 6 }).map(units => units.join('')) },
  { weight: 1, arbitrary: fc.integer({ min: -3, max: 300 }).map(String) },
  // Long ones share their heads, and lie on both sides of the limit.
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('a', '😀', '\ud800', ':'), fc.integer({ min: 20, max: 132 }), fc.constantFrom(...HOSTILE))
      .map(([unit, count, end]) => unit.repeat(count) + end)
  }
)

const keys = defineKeys(
  { prefix: 'x', secret: 'only the tests know these 32 bytes' },
  {
    pair: 'pair:{a}:{b}',
    account: 'user:{a}:account:{b}',
    slot: 'slot:{{a}}:{b}',
    hashed: { template: 'hashed:{a}:{b}', hashed: ['a'] },
    one: 'one:{a}',
    oneMore: 'one:{a}:more'
  }
)
type Pair = readonly [a: string, b: string]

/** A tuple and those that a weaker encoding would confuse it with. */
function* lookAlikes([a, b]: Pair): Generator<Pair> {
  yield [a, b]
  yield [b, a]
  yield [`${a}:${b}`, '']
  yield ['', `${a}:${b}`]
  yield [a + b.slice(0, 1), b.slice(1)]
  yield [a.slice(0, -1), a.slice(-1) + b]
  yield [encodeURIComponent(a.toWellFormed()), b]
  yield [keys.one({ a }).slice('x:one:'.length), b]
  yield [a.toWellFormed(), b.normalize('NFC')]
}

/** Fails when a key has been given to another tuple before, so each tuple is compared with all the others. */
function createWitness(): (key: string, ...tuple: string[]) => void {
  const tuples = new Map<string, string>()
  return (key, ...tuple) => {
    const text = JSON.stringify(tuple)
    const earlier = tuples.get(key)
    if (earlier === undefined) tuples.set(key, text)
    else if (earlier !== text) throw new Error(`${earlier} and ${text} share the key ${JSON.stringify(key)}`)
  }
}

t.test('no two tuples of hostile parameters give one key, and a cache accepts every key', async t => {
  const witness = createWitness()
  const keyspace = new Keyspace('x')
  const property = fc.property(hostileText, hostileText, (a, b) => {
    for (const [c, d] of lookAlikes([a, b])) {
      const key = keys.pair({ a: c, b: d })
      witness(key, c, d)
      if (keyspace.problemOfKey(key) !== undefined) throw new Error(keyspace.problemOfKey(key))
    }
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: RUNS }))
})

t.test('no two families, tenants or tuples give one key, and familyOf() knows whose it is', async t => {
  const witness = createWitness()
  const property = fc.property(hostileText, hostileText, hostileText, (tenant, a, b) => {
    for (const [owner, mine] of [
      ['', keys],
      [`@${tenant}`, keys.forTenant(tenant)]
    ] as const) {
      for (const family of ['pair', 'account', 'slot', 'hashed', 'one', 'oneMore'] as const) {
        const key = mine[family]({ a, b })
        witness(key, owner, family, a, family.startsWith('one') ? '' : b)
        if (keys.familyOf(key) !== family) throw new Error(`${key} should belong to ${family}`)
      }
    }
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: RUNS / 20 }))
})

t.test('pattern() matches every key of its parameters and none of another', async t => {
  const property = fc.property(hostileText, hostileText, hostileText, hostileText, (a, b, other, tenant) => {
    for (const mine of [keys, keys.forTenant(tenant)]) {
      for (const family of ['account', 'slot', 'hashed'] as const) {
        for (const [given, holder] of [
          [{ a }, { a: other, b }],
          [{ b }, { a, b: other }]
        ] as const) {
          const pattern = mine[family].pattern(given)
          if (!matchesGlob(pattern, mine[family]({ a, b }))) throw new Error(`${pattern} misses its own key`)
          const isSame = ('a' in given ? a : b) === other
          if (!isSame && matchesGlob(pattern, mine[family](holder))) throw new Error(`${pattern} matches another's key`)
        }
      }
    }
    const foreign = tenant === other ? undefined : keys.forTenant(other)
    for (const key of [keys.account({ a, b }), foreign?.account({ a, b })]) {
      const pattern = keys.forTenant(tenant).account.pattern()
      if (key !== undefined && matchesGlob(pattern, key)) throw new Error(`${pattern} leaves its tenant`)
    }
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: RUNS / 20 }))
})

t.test('a hash tag puts all keys of its parameter into one slot', async t => {
  // What Redis hashes: from the first brace to the next closing one, unless nothing is between them.
  const tagOf = (key: string) => /\{([^}]+)\}/.exec(key)?.[1]
  const property = fc.property(hostileText, hostileText, hostileText, (a, b, c) => {
    const tag = tagOf(keys.slot({ a, b }))
    return tag !== undefined && tag === tagOf(keys.forTenant(c).slot({ a, b: c }))
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: RUNS / 20 }))
})
