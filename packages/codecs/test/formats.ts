import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { json, messagePack } from '../src/index.ts'
import { isSame } from './fixtures/same.ts'
import { FIXTURE_CONTEXT, FIXTURE_KEY_RING, FIXTURES, RICH_FIXTURE } from './fixtures/values.ts'

const folder = join(import.meta.dirname, 'fixtures')
const expected: object = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'))

t.test('decode() still reads an entry of every format that was released', async t => {
  for (const { file, serializer, options } of FIXTURES) {
    const entry = readFileSync(join(folder, file))
    const wanted = serializer === 'json' ? expected : { ...expected, rich: RICH_FIXTURE }
    for (const codec of [json<unknown>(options), messagePack(options)]) {
      const decoded = codec.decode(entry, FIXTURE_CONTEXT)
      t.ok(decoded.ok && isSame(decoded.value, wanted), file)
    }
  }
})

t.test('decode() misses an entry of every format cleanly when it may not read it', async t => {
  for (const { file, options } of FIXTURES) {
    const entry = readFileSync(join(folder, file))
    const isEncrypted = options.encryption !== undefined
    const codec = isEncrypted ? json() : json({ encryption: FIXTURE_KEY_RING })
    const reason = isEncrypted ? 'unknown_key' : 'unauthentic'
    t.match(codec.decode(entry, FIXTURE_CONTEXT), { ok: false, error: { reason } }, file)
  }
})

t.test('encode() writes each format as its fixture begins', async t => {
  for (const { file, serializer, options } of FIXTURES) {
    const fixture = readFileSync(join(folder, file))
    const codec = serializer === 'json' ? json<unknown>(options) : messagePack(options)
    const encoded = codec.encode(
      serializer === 'json' ? expected : { ...expected, rich: RICH_FIXTURE },
      FIXTURE_CONTEXT
    )
    t.equal(encoded.ok && encoded.value[0], fixture[0], file)
  }
})

t.test('the fixtures are those of the formats, and none of them looks like text', async t => {
  const files = globSync('*.bin', { cwd: folder }).map(file => basename(file))
  t.strictSame(files.sort(), FIXTURES.map(({ file }) => file).sort())
  const firstBytes = new Set(files.map(file => readFileSync(join(folder, file))[0] ?? 0))
  t.equal(firstBytes.size, FIXTURES.length)
  for (const byte of firstBytes) t.ok(byte >= 0x80 && byte < 0xc0)
})
