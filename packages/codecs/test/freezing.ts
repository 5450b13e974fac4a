import t from 'tap'
import { json, messagePack } from '../src/index.ts'

const key = 'shop:basket:7'

t.test('decode() with freezes freezes plain objects and arrays, all the way down', async t => {
  for (const codec of [json(), messagePack()]) {
    const value = { list: [{ of: [null, 1, 'two', true] }], nothing: {}, empty: [] }
    const bytes = encoded(codec.encode(value, { key }))
    const decoded = codec.decode(bytes, { key, freezes: true }) as { value: typeof value; isFrozen: boolean }
    t.strictSame(decoded, { ok: true, value, isFrozen: true })
    for (const part of [decoded.value, decoded.value.list, decoded.value.list[0], decoded.value.list[0]?.of]) {
      t.ok(Object.isFrozen(part))
    }
    t.ok(Object.isFrozen(decoded.value.nothing) && Object.isFrozen(decoded.value.empty))
    t.strictSame(codec.decode(bytes, { key }), { ok: true, value }, 'and not unless it is asked to')
    t.notOk(Object.isFrozen((codec.decode(bytes, { key }) as { value: object }).value))
  }
})

t.test('decode() with freezes does not call frozen what can still be changed', async t => {
  const codec = messagePack()
  for (const changeable of [new Date(0), new Map([[1, {}]]), new Set([1]), Uint8Array.of(1)]) {
    for (const value of [changeable, [changeable], { a: { b: changeable } }]) {
      const decoded = codec.decode(encoded(codec.encode(value, { key })), { key, freezes: true })
      t.strictSame(decoded, { ok: true, value })
    }
  }
})

t.test('decode() with freezes refuses what is too deep, as without', async t => {
  const tower = encoded(json({ maxDepth: 20 }).encode([[[[1]]]], { key }))
  const problem = { ok: false, error: { reason: 'too_deep' } }
  t.match(json({ maxDepth: 3 }).decode(tower, { key, freezes: true }), problem)
  t.match(json({ maxDepth: 3 }).decode(tower, { key }), problem)
  t.match(json({ maxDepth: 4 }).decode(tower, { key, freezes: true }), { ok: true, isFrozen: true })
})

t.test('a schema is shown a value that it can change', async t => {
  let wasFrozen: boolean | undefined
  const schema = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) => {
        wasFrozen = Object.isFrozen(value)
        return { value: value as { a: number } }
      }
    }
  } as const
  const codec = json({ schema })
  const bytes = encoded(codec.encode({ a: 1 }, { key }))
  t.strictSame(codec.decode(bytes, { key, freezes: true }), { ok: true, value: { a: 1 }, isFrozen: true })
  t.equal(wasFrozen, false)
})

function encoded(result: { readonly ok: boolean; readonly value?: Uint8Array }): Uint8Array {
  if (result.value === undefined) throw new Error('not encoded')
  return result.value
}
