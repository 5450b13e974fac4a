import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import t from 'tap'
import { type CodecOptions, createKeyRing, json, type KeyRingOptions, messagePack } from '../src/index.ts'

const old = randomBytes(32)
const fresh = randomBytes(32)
const before = createKeyRing({ current: '2026-01', keys: { '2026-01': old } })
const during = createKeyRing({ current: '2026-01', keys: { '2026-01': old, '2026-07': fresh } })
const after = createKeyRing({ current: '2026-07', keys: { '2026-01': old, '2026-07': fresh } })
const done = createKeyRing({ current: '2026-07', keys: { '2026-07': fresh } })
const context = { key: 'shop:basket:1' }
const value = { card: '4111 1111 1111 1111' }

function encode(options: CodecOptions, key = context.key): Buffer {
  const encoded = json<unknown>(options).encode(value, { key })
  if (!encoded.ok) throw new Error(encoded.error.message)
  return Buffer.from(encoded.value)
}

function read(bytes: Uint8Array, options: CodecOptions, key = context.key): string {
  const decoded = json<unknown>(options).decode(bytes, { key })
  if (decoded.ok) t.strictSame(decoded.value, value)
  return decoded.ok ? 'readable' : decoded.error.reason
}

t.test('encode() hides the value, and never writes it in the same way twice', async t => {
  const bytes = encode({ encryption: before })
  t.notOk(bytes.includes('4111'))
  t.ok(bytes.includes('2026-01'), 'the id of the key is readable')
  t.equal(bytes.length, 1 + 1 + 7 + 12 + JSON.stringify(value).length + 16)
  t.notSame(encode({ encryption: before }), bytes)
})

t.test('decode() reads an encrypted entry under its own cache key only', async t => {
  const bytes = encode({ encryption: before })
  t.equal(read(bytes, { encryption: before }), 'readable')
  t.equal(read(bytes, { encryption: before }, 'shop:basket:2'), 'unauthentic')
  t.equal(read(encode({ encryption: before }, '\ud800'), { encryption: before }, '\ud801'), 'unauthentic')
  t.equal(read(encode({ encryption: before }, '\ud800'), { encryption: before }, '\ud800'), 'readable')
})

t.test('decode() reads every key of the ring, so that keys rotate without a flush', async t => {
  for (const [written, reader] of [
    [before, during],
    [during, before],
    [during, after],
    [after, during],
    [after, done]
  ] as const) {
    t.equal(read(encode({ encryption: written }), { encryption: reader }), 'readable')
  }
  t.equal(read(encode({ encryption: before }), { encryption: done }), 'unknown_key')
  t.equal(read(encode({ encryption: after }), { encryption: before }), 'unknown_key')
  const namesake = createKeyRing({ current: '2026-01', keys: { '2026-01': fresh } })
  t.equal(read(encode({ encryption: before }), { encryption: namesake }), 'unauthentic', 'another key of that name')
})

t.test('decode() of an encrypting codec refuses plain entries, and a plain one encrypted entries', async t => {
  t.equal(read(encode({}), { encryption: before }), 'unauthentic')
  t.equal(read(encode({ encryption: before }), {}), 'unknown_key')
  const asPlain = encode({ encryption: before })
  asPlain[0] = 0b1000_0000
  t.equal(read(asPlain, { encryption: before }), 'unauthentic')
})

t.test('decode() notices a change of the header, though it is not encrypted', async t => {
  const rings = createKeyRing({ current: 'a', keys: { a: old, b: old } })
  const bytes = encode({ encryption: rings })
  const otherKeyId = Buffer.from(bytes)
  otherKeyId[2] = 'b'.charCodeAt(0)
  t.equal(read(otherKeyId, { encryption: rings }), 'unauthentic', 'the same key by another name')
  const otherSerializer = Buffer.from(bytes)
  otherSerializer[0] = (otherSerializer[0] ?? 0) | 1
  t.equal(read(otherSerializer, { encryption: rings }), 'unauthentic')
  t.equal(read(bytes.subarray(0, 20), { encryption: rings }), 'corrupt', 'too short for a tag')
})

t.test('encode() compresses before it encrypts', async t => {
  const codec = messagePack({ encryption: before })
  const encoded = codec.encode('a'.repeat(100_000), context)
  t.ok(encoded.ok && encoded.value.length < 1_000)
  t.strictSame(encoded.ok && codec.decode(encoded.value, context), { ok: true, value: 'a'.repeat(100_000) })
})

t.test('createKeyRing() copies the keys', async t => {
  const key = randomBytes(32)
  const ring = createKeyRing({ current: 'a', keys: { a: key } })
  const bytes = encode({ encryption: ring })
  key.fill(0)
  t.equal(read(bytes, { encryption: ring }), 'readable')
})

t.test('createKeyRing() shows no key in what is logged of it', async t => {
  const codec = json({ encryption: before })
  for (const shown of [
    inspect(before, { depth: 9, showHidden: true }),
    JSON.stringify({ before, codec }),
    String(before)
  ]) {
    t.notOk(
      shown.includes(old.toString('hex').slice(0, 4)) || shown.includes(old.toString('base64').slice(0, 6)),
      shown
    )
  }
  t.notMatch(inspect(codec, { depth: 9, showHidden: true }), /2026/)
})

t.test('createKeyRing() refuses bad keys, and quotes none', async t => {
  const secret = 'this is a secret of 32 characters'
  const bad: readonly (readonly [object, string])[] = [
    [{ current: 'a', keys: { a: Buffer.from(secret) } }, "keys: 'a' must have 32 bytes, got 33"],
    [{ current: 'a', keys: { a: secret } }, "keys: 'a' must be a Uint8Array, got string"],
    [{ current: 'a', keys: { [secret]: old } }, 'keys: an id must be 1 to 64 of A-Z a-z 0-9 . _ -'],
    [{ current: 'b', keys: { a: old } }, 'current must be one of the ids in keys (a)'],
    [{ current: 'a', keys: {} }, 'current must be one of the ids in keys (there are none)'],
    [{ current: 'a', keys: null }, 'keys must be an object of 32 bytes for each key id']
  ]
  for (const [options, message] of bad) {
    t.throws(() => createKeyRing(options as KeyRingOptions), new TypeError(message))
  }
})
