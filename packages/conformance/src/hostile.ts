/**
 * What follows `<keyspace>:` in keys that have broken caches before: separators, glob and hash-tag characters, controls,
 * names of `Object.prototype`, Unicode that looks alike. No two of them are the same key.
 */
export const HOSTILE_KEY_NAMES: readonly string[] = [
  '',
  ' ',
  ':',
  '::',
  'a:b',
  'a::b',
  '*',
  't*',
  '?',
  '[a-z]',
  '[^a]',
  '\\',
  '\\*',
  '{',
  '}',
  '{}',
  '{a}',
  '{a}b',
  'a{b}{c}',
  'a~',
  '%',
  '%00',
  '\u0000',
  'a\u0000b',
  'line\nbreak',
  'carriage\r\nreturn',
  '\t',
  '\u001b[31m',
  '"quoted"',
  "'quoted'",
  '`',
  '$',
  '$&',
  '../..',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'undefined',
  'null',
  'NaN',
  '0',
  '-1',
  '1e3',
  'é',
  'e\u0301',
  'ß',
  'İ',
  '日本語',
  '😀',
  '\u{10ffff}',
  '\u200b',
  '\ufeff',
  '\ufffd',
  '\u202e',
  'x'.repeat(1_025)
]

/** Strings that a cache must bring back exactly. */
export const HOSTILE_VALUES: readonly string[] = [
  '',
  ' ',
  '0',
  'false',
  'null',
  'undefined',
  'NaN',
  '-0',
  '[]',
  '{}',
  '"',
  '\u0000',
  'a\u0000b',
  '\r\n',
  '$-1\r\n',
  '*1\r\n$4\r\nPING\r\n',
  '\u001b[31m',
  'é',
  'e\u0301',
  '😀',
  '\u{10ffff}',
  '\ufeff',
  '\ufffd',
  '__proto__',
  '{"__proto__":{"polluted":true}}',
  'x'.repeat(100_000),
  '日本'.repeat(50_000)
]

/** Mentioned twice, which is no cycle. */
const SHARED = { a: 1 }

/** Values that JSON brings back exactly. */
export const JSON_VALUES: readonly (NonNullable<unknown> | null)[] = [
  null,
  true,
  false,
  0,
  1,
  -1,
  0.1,
  1e300,
  5e-324,
  Number.MAX_SAFE_INTEGER,
  '',
  'text',
  '2026-11-21T12:00:00.000Z',
  '\ud800',
  [],
  [null, false, 0, ''],
  {},
  { a: { b: [{ c: null }] } },
  [SHARED, { again: SHARED }],
  { '': 1, ' ': 2 },
  JSON.parse('{"__proto__":{"polluted":true},"constructor":1}'),
  Object.assign(Object.create(null), { bare: true })
]

/** Values that JSON would change or drop without a word, named for the test that refuses them. */
export function jsonMisfits(): ReadonlyMap<string, NonNullable<unknown>> {
  const cycle: Record<string, unknown> = {}
  cycle.self = cycle
  let deep: unknown = 1
  for (let level = 0; level < 100_000; level++) deep = [deep]
  return new Map<string, NonNullable<unknown>>([
    ['undefined in an object', { a: undefined }],
    ['undefined in an array', [undefined]],
    ['undefined before something else', { a: undefined, b: 1 }],
    ['a hole', new Array(2)],
    ['a hole before an element', Object.assign(new Array(2), { 1: 1 })],
    ['an array with a property of its own', Object.assign([1], { total: 1 })],
    ['a hole beside a property', Object.assign(new Array(1), { total: 1 })],
    ['an array of a class', new (class List extends Array {})()],
    ['a function', () => 1],
    ['a method', { run() {} }],
    ['a symbol', Symbol('s')],
    ['a symbol as a property name', { [Symbol('s')]: 1 }],
    ['NaN', { a: Number.NaN }],
    ['Infinity', [Number.POSITIVE_INFINITY]],
    ['-0', -0],
    ['a BigInt', 1n],
    ['a Date', { at: new Date(0) }],
    ['a Map', new Map([[1, 2]])],
    ['a Set', new Set([1])],
    ['a RegExp', /x/],
    ['an Error', new Error('x')],
    ['a Buffer', Buffer.from('x')],
    ['a typed array', new Uint8Array(1)],
    ['a class instance', new (class Account {})()],
    ['a promise', Promise.resolve(1)],
    ['a boxed string', new String('x')],
    ['a cycle', cycle],
    ['a structure nested too deeply', deep as NonNullable<unknown>]
  ])
}

/** Lifetimes that no cache may accept. */
export const BAD_TTLS: readonly unknown[] = [
  0,
  -0,
  -1,
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  Number.MAX_VALUE,
  Number.MAX_SAFE_INTEGER,
  '60',
  null,
  {},
  60n
]
