import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { Type } from 'typebox'
import { Check } from 'typebox/value'
import * as v from 'valibot'
import { z } from 'zod'
import { type CodecOptions, json, messagePack, type SchemaOption } from '../src/index.ts'

const context = { key: 'shop:basket:1' }
const TypeBoxBasket = Type.Object({ apples: Type.Number() })
const typeBoxBasket = {
  '~standard': {
    version: 1,
    vendor: 'typebox',
    validate: (value: unknown) => (Check(TypeBoxBasket, value) ? { value } : { issues: [{ message: 'does not fit' }] })
  }
} as const
const schemas = {
  zod: z.object({ apples: z.number() }),
  valibot: v.object({ apples: v.number() }),
  typebox: typeBoxBasket
}

function entryOf(value: unknown): Uint8Array {
  const encoded = json<unknown>().encode(value, context)
  if (!encoded.ok) throw new Error(encoded.error.message)
  return encoded.value
}

for (const [vendor, schema] of Object.entries(schemas)) {
  t.test(`decode() calls unreadable what no longer fits a schema of ${vendor}`, async t => {
    for (const codec of [json({ schema }), messagePack({ schema })]) {
      t.strictSame(codec.decode(entryOf({ apples: 2 }), context), { ok: true, value: { apples: 2 } })
      t.strictSame(codec.decode(entryOf({ apples: '4111 1111' }), context), {
        ok: false,
        error: { reason: 'schema', message: 'The value does not fit the schema.' }
      })
    }
  })
}

t.test('decode() gives what was stored, not what the schema makes of it', async t => {
  const schema = z.object({ name: z.string().transform(name => `${name}!`), note: z.string().default('none') })
  const decoded = json({ schema }).decode(entryOf({ name: 'Ada', more: 1 }), context)
  t.strictSame(decoded, { ok: true, value: { name: 'Ada', more: 1 } })
})

t.test('decode() calls unreadable what makes the schema throw', async t => {
  const fail = () => {
    throw new Error('a mistake')
  }
  for (const schema of [v.pipe(v.string(), v.check(fail)), z.string().refine(fail)]) {
    t.match(json({ schema }).decode(entryOf('text'), context), { ok: false, error: { reason: 'schema' } })
  }
})

t.test('json() throws for a schema that is seen to be asynchronous', async t => {
  const always = v.pipeAsync(
    v.unknown(),
    v.checkAsync(async () => {
      throw new Error('a rejection that nobody waits for')
    })
  )
  t.throws(() => json({ schema: always }), /schema must validate synchronously, got a Promise/)
})

t.test('decode() warns once of a schema that turns out to be asynchronous, and calls the value unreadable', async t => {
  const codec = json({ schema: z.string().refine(async () => true) })
  // A warning is given on a later tick: those of the tests before come first.
  await setImmediate()
  const warnings: string[] = []
  const listen = (warning: Error & { code?: string }) => warnings.push(warning.code ?? warning.name)
  process.on('warning', listen)
  for (let time = 0; time < 2; time++) {
    t.match(codec.decode(entryOf('text'), context), { ok: false, error: { reason: 'schema' } })
  }
  await setImmediate()
  process.off('warning', listen)
  t.strictSame(warnings, ['DASHTAM_CACHE_CODECS_ASYNC_SCHEMA'])
})

t.test('json() and messagePack() refuse bad options, naming option, value and expectation', async t => {
  const bad: readonly (readonly [object, RegExp])[] = [
    [{ compresion: 'gzip' }, /unknown option 'compresion'/],
    [{ compression: 'lz4' }, /compression must be one of gzip, brotli, zstd or false, got lz4/],
    [{ compressFromBytes: -1 }, /compressFromBytes must be an integer from 0 to \d+, got -1/],
    [{ maxValueBytes: 0 }, /maxValueBytes must be an integer from 1 to 268435456, got 0/],
    [{ maxValueBytes: Infinity }, /maxValueBytes .* got Infinity/],
    [{ maxDepth: 1_001 }, /maxDepth must be an integer from 1 to 1000, got 1001/],
    [{ encryption: { a: 'secret' } }, /encryption must be made by createKeyRing\(\), got something else/],
    [{ schema: {} }, /schema must be a Standard Schema of version 1/],
    [{ schema: { '~standard': { version: 2, validate: () => ({}) } } }, /schema must be/]
  ]
  for (const [options, message] of bad) {
    t.throws(() => json(options as CodecOptions & SchemaOption<typeof typeBoxBasket>), { name: 'TypeError', message })
    t.throws(() => messagePack(options as CodecOptions), { name: 'TypeError', message })
  }
})
