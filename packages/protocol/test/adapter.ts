import {
  describeUnserializable,
  Keyspace,
  MAX_KEY_LENGTH,
  MAX_TTL_SECONDS,
  matchesGlob,
  PortGuard
} from '@dashtam/cache-protocol/adapter'
import fc from 'fast-check'
import t from 'tap'

const guard = new PortGuard({ keyspace: 'k', familyOf: () => 'user' })

t.test('Keyspace accepts what is literal in a glob and in a cluster, and nothing else', async t => {
  for (const name of ['dashtam', 'A-z_0.9', 'x'.repeat(64)]) t.equal(new Keyspace(name).prefix, `${name}:`)
  for (const name of ['', 'a:b', 'a*', 'a b', '{a}', 'é', 'x'.repeat(65), undefined, null, 7]) {
    t.throws(() => new Keyspace(name as string), { name: 'TypeError', message: /keyspace must be 1 to 64 characters/ })
  }
})

t.test('PortGuard.key() says what is wrong with a key, without quoting it', async t => {
  const wrong: [key: unknown, message: string][] = [
    [undefined, 'the key must be a string, got undefined'],
    [null, 'the key must be a string, got null'],
    ['x:hunter2', "the key must begin with 'k:', this cache's keyspace"],
    ['k:~:hunter2', "keys that begin with 'k:~' are reserved for the engine"],
    ['k:hunter2\ud800', 'the key must be well-formed Unicode, it has a lone surrogate'],
    [
      `k:${'x'.repeat(MAX_KEY_LENGTH)}`,
      `the key must be at most ${MAX_KEY_LENGTH} characters, got ${MAX_KEY_LENGTH + 2}`
    ]
  ]
  for (const [key, message] of wrong) {
    t.strictSame(guard.key('get', key as string)?.error, {
      code: 'CACHE_INVALID_ARGUMENT',
      message,
      details: { operation: 'get' }
    })
  }
  for (const key of ['k:', 'k:a', 'k:a~', `k:${'x'.repeat(MAX_KEY_LENGTH - 2)}`])
    t.equal(guard.key('get', key), undefined)
})

t.test('PortGuard.pattern() wants a string inside the keyspace', async t => {
  t.equal(guard.pattern('deletePattern', 'k:*'), undefined)
  for (const pattern of ['*', 'k*', 7, 'k:\ud800', `k:${'*'.repeat(MAX_KEY_LENGTH)}`]) {
    t.equal(guard.pattern('deletePattern', pattern as string)?.error.code, 'CACHE_INVALID_ARGUMENT')
  }
})

t.test('PortGuard.ttlMs() rounds up to a millisecond, but not the error of a multiplication', async t => {
  const cases: [ttlSeconds: number, ttlMs: number][] = [
    [0.07, 70],
    [1.1, 1_100],
    [0.0701, 71],
    [Number.MIN_VALUE, 1],
    [0.0004, 1],
    [0.0005, 1],
    [MAX_TTL_SECONDS, MAX_TTL_SECONDS * 1_000],
    [Infinity, Infinity]
  ]
  for (const [ttlSeconds, ttlMs] of cases) t.strictSame(guard.ttlMs('set', { ttlSeconds }), { ok: true, value: ttlMs })
  t.strictSame(guard.ttlMs('set', undefined), { ok: true, value: 3_600_000 }, 'an hour when nobody says anything')
})

t.test('PortGuard.ttlMs() of whole milliseconds is exact', async t => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 40 }), ttlMs => {
      const result = guard.ttlMs('set', { ttlSeconds: ttlMs / 1_000 })
      return result.ok && result.value === ttlMs
    }),
    { numRuns: 10_000 }
  )
  t.pass('none of 10,000 differs')
})

t.test('PortGuard.ttlMs() never shortens a lifetime, nor lengthens it by a millisecond', async t => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), ttlSeconds => {
      const result = guard.ttlMs('set', { ttlSeconds })
      if (!result.ok || !Number.isInteger(result.value)) return false
      const exactMs = ttlSeconds * 1_000
      return result.value >= exactMs * (1 - 4 * Number.EPSILON) && result.value < exactMs + 1
    }),
    { numRuns: 10_000 }
  )
  t.pass('none of 10,000 differs')
})

t.test('PortGuard refuses options that are none, by name', async t => {
  const wrong: [options: object, message: RegExp][] = [
    [{ keyspace: 'k', ttlSeconds: -1 }, /ttlSeconds must be a number above 0 and at most \d+, or Infinity; got -1/],
    [{ keyspace: 'k', ttlSeconds: '60' }, /ttlSeconds must be .* got string/],
    [{ keyspace: 'k', maxValueBytes: 1.5 }, /maxValueBytes must be an integer of at least 1, got 1.5/],
    [{ keyspace: 'k', ttl: 60 }, /unknown option 'ttl'/]
  ]
  for (const [options, message] of wrong)
    t.throws(() => new PortGuard(options as { keyspace: string }), { name: 'TypeError', message })
})

t.test('PortGuard.failure() names operation and family, and keeps a cause only where there is one', async t => {
  t.strictSame(guard.failure('get', 'timeout', 'no answer', { key: 'k:a' }).error, {
    code: 'CACHE_GET_ERROR',
    reason: 'timeout',
    message: 'no answer',
    details: { operation: 'get', family: 'user' }
  })
  t.equal(guard.failure('ping', 'timeout', '').error.code, 'CACHE_TIMEOUT')
  t.equal(guard.failure('ping', 'connection', '').error.code, 'CACHE_CONNECTION_ERROR')
  t.strictSame(guard.failure('flush', 'server', '', { cause: { name: 'x' }, details: { deleted: 1 } }).error, {
    code: 'CACHE_FLUSH_ERROR',
    reason: 'server',
    message: '',
    details: { operation: 'flush', deleted: 1 },
    cause: { name: 'x' }
  })
})

t.test('PortGuard.failure() survives a familyOf that throws', async t => {
  const throwing = new PortGuard({
    keyspace: 'k',
    familyOf: () => {
      throw new Error('not a key of mine')
    }
  })
  t.strictSame(throwing.failure('get', 'timeout', '', { key: 'k:a' }).error.details, { operation: 'get' })
})

t.test('PortGuard.toJson() refuses what no string can hold', async t => {
  const part = 'x'.repeat(10_000_000)
  t.match(guard.toJson('k:a', Array(60).fill(part)), { error: { code: 'CACHE_VALUE_TOO_LARGE' } })
})

t.test('describeUnserializable() accepts exactly what JSON brings back', async t => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), value => {
      // fast-check's JSON values have -0, which JSON does not bring back.
      const isExact = !JSON.stringify(value, (_, v) => (Object.is(v, -0) ? 'minus zero' : v)).includes('minus zero')
      return isExact === (describeUnserializable(value) === undefined)
    }),
    { numRuns: 2_000 }
  )
  class Money {
    amount = 1
  }
  t.equal(describeUnserializable(new Money()), 'a Money')
  t.equal(describeUnserializable(Object.create({ inherited: 1 })), 'a Object')
  t.equal(describeUnserializable(Object.create(Object.create({ constructor: 7 }))), 'a class instance')
  t.equal(describeUnserializable({ deep: [{ at: new Date(0) }] }), 'a Date')
  class Accounts extends Array<number> {}
  t.equal(describeUnserializable(Accounts.of(1)), 'a Accounts')
  t.equal(describeUnserializable(Object.assign([1, 2], { total: 3 })), 'an array with holes or extra properties')
  const hole = new Array(2)
  hole[0] = 1
  t.equal(describeUnserializable(Object.assign(hole, { total: 3 })), 'an array with holes or extra properties')
})

t.test('describeUnserializable() hands on what a getter throws', async t => {
  const fault = new Error('not now')
  t.throws(
    () =>
      describeUnserializable({
        get value() {
          throw fault
        }
      }),
    fault
  )
})

t.test('describeUnserializable() takes a shared reference for what it is: no cycle', async t => {
  const shared = { a: 1 }
  t.equal(describeUnserializable([shared, { shared }]), undefined)
})

t.test('matchesGlob() is not hung by a pattern made of stars', async t => {
  const started = performance.now()
  t.notOk(matchesGlob(`${'*a'.repeat(2_000)}b`, 'a'.repeat(4_000)))
  t.ok(performance.now() - started < 2_000)
})
