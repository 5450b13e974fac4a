import { createHash } from 'node:crypto'
import t from 'tap'
import { defineKeys } from '../src/index.ts'

const keys = defineKeys({ prefix: 'x' }, { a: 'a:{id}', slot: 'slot:{{id}}' })
const encode = (id: string) => keys.a({ id }).slice('x:a:'.length)

t.test('a parameter stands in the key as it is when nothing in it needs an escape', async t => {
  for (const id of ['', '42', 'ada', 'a b', 'ünï', '日本', '😀', 'a/b', '^-~@|"\'', '\u2028', '\ufeff', '\ufffd']) {
    t.equal(encode(id), id)
  }
})

t.test('a parameter is escaped where it holds a separator, a glob, a control character or half a pair', async t => {
  t.equal(encode('%:{}*?[]\\'), '%25%3A%7B%7D%2A%3F%5B%5D%5C')
  t.equal(encode('\0\n\x1f\x7f\x80\x9f\xa0'), '%00%0A%1F%7F%80%9F\xa0')
  t.equal(encode('\ud800'), '%uD800')
  t.equal(encode('\udfffa'), '%uDFFFa')
  t.equal(encode('\udc00\ud800'), '%uDC00%uD800', 'a pair the wrong way round')
  t.equal(encode('\ud83d😀'), '%uD83D😀', 'a pair after a half')
  t.equal(encode('%uD800'), '%25uD800', 'a text that looks like an escape')
})

t.test('a parameter of more than 128 characters keeps its head and ends in its SHA-256', async t => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url')
  t.equal(encode('a'.repeat(128)), 'a'.repeat(128))
  t.equal(encode('a'.repeat(129)), `${'a'.repeat(48)}%~${sha256('a'.repeat(129))}`)
  t.equal(encode(':'.repeat(43)), `${'%3A'.repeat(16)}%~${sha256('%3A'.repeat(43))}`, 'the escaped length counts')
  t.equal(encode(':'.repeat(42)), '%3A'.repeat(42))
  t.equal(encode('😀'.repeat(65)), `${'😀'.repeat(24)}%~${sha256('😀'.repeat(65))}`)
  const cut = `a${'😀'.repeat(65)}`
  t.equal(encode(cut), `a${'😀'.repeat(23)}%~${sha256(cut)}`, 'no pair is cut')
  t.not(encode(encode('a'.repeat(129))), encode('a'.repeat(129)), 'a text that looks like a long one')
})

t.test('a hash tag is never empty, for Redis would ignore it', async t => {
  t.equal(keys.slot({ id: '' }), 'x:slot:{%}')
  t.equal(keys.slot({ id: '%' }), 'x:slot:{%25}')
  t.equal(keys.slot({ id: '}{' }), 'x:slot:{%7D%7B}')
})

t.test('a parameter of a million hostile characters takes no longer than it must', async t => {
  for (const unit of ['%', '@', 'a@a.', '\ud800', '😀']) {
    const startedAt = performance.now()
    encode(unit.repeat(1_000_000))
    t.ok(performance.now() - startedAt < 5_000, JSON.stringify(unit))
  }
})
