import { createHmac } from 'node:crypto'
import { Keyspace } from '@dashtam/cache-protocol/adapter'
import t from 'tap'
import { defineKeys, type Families } from '../src/index.ts'

const secret = 'only the tests know these 32 bytes'
const keys = defineKeys(
  { prefix: 'dashtam', secret },
  {
    userProfile: { template: 'user:{userId}:profile', ttlSeconds: 300 },
    account: 'user:{userId}:account:{accountId}',
    session: { template: 'session:{sessionId}', hashed: ['sessionId'] },
    sessionList: 'session:{{userId}}:list',
    version: 'security:global:version'
  }
)

/** Calls as plain JavaScript does: without the compiler. */
const untyped = keys as unknown as Record<
  string,
  ((params?: unknown) => string) & { pattern(params?: unknown): string }
>

t.test('a family builds its key from its template', async t => {
  t.equal(keys.userProfile({ userId: 42 }), 'dashtam:user:42:profile')
  t.equal(keys.account({ userId: 'ada', accountId: 7 }), 'dashtam:user:ada:account:7')
  t.equal(keys.version(), 'dashtam:security:global:version')
  t.equal(keys.sessionList({ userId: 42 }), 'dashtam:session:{42}:list', 'a hash tag keeps its braces')
})

t.test('a family says its name and its lifetime', async t => {
  t.equal(keys.userProfile.family, 'userProfile')
  t.equal(keys.userProfile.ttlSeconds, 300)
  t.equal(keys.account.ttlSeconds, undefined)
  t.equal(keys.prefix, 'dashtam')
})

t.test('a family refuses what is neither a string nor a safe integer, and never quotes it', async t => {
  const wrong: [unknown, string][] = [
    [undefined, 'undefined'],
    [null, 'null'],
    [1.5, 'a number that is none'],
    [Number.NaN, 'a number that is none'],
    [Number.POSITIVE_INFINITY, 'a number that is none'],
    [2 ** 53, 'a number that is none'],
    [42n, 'bigint'],
    [true, 'boolean'],
    [Symbol('secret'), 'symbol'],
    [['secret'], 'an array'],
    [{ toString: () => 'secret' }, 'object'],
    [new String('secret'), 'object'],
    [() => 'secret', 'function']
  ]
  for (const [userId, got] of wrong) {
    t.throws(
      () => untyped.userProfile?.({ userId }),
      new TypeError(`userProfile: parameter userId must be a string or a safe integer, got ${got}`)
    )
  }
  t.throws(() => untyped.userProfile?.(), /parameter userId .* got undefined/)
  t.throws(() => untyped.userProfile?.({}), /parameter userId .* got undefined/)
})

t.test('a parameter is the same as a number and as a string', async t => {
  t.equal(keys.userProfile({ userId: 1 }), keys.userProfile({ userId: '1' }))
  t.equal(keys.userProfile({ userId: -0 }), keys.userProfile({ userId: 0 }))
  t.equal(keys.userProfile({ userId: -7 }), 'dashtam:user:-7:profile')
})

t.test('a hashed parameter stands in the key as an HMAC of the secret', async t => {
  const digest = createHmac('sha256', secret).update('dashtam cache key:s%3A1').digest('base64url')
  t.equal(keys.session({ sessionId: 's:1' }), `dashtam:session:${digest}`)
  const bytes = defineKeys(
    { prefix: 'dashtam', secret: Buffer.from(secret) },
    { a: { template: 'a:{b}', hashed: ['b'] } }
  )
  t.equal(bytes.a({ b: 's:1' }), `dashtam:a:${digest}`, 'the secret may be bytes')
  const other = defineKeys({ prefix: 'dashtam', secret: `${secret}!` }, { a: { template: 'a:{b}', hashed: ['b'] } })
  t.not(other.a({ b: 's:1' }), bytes.a({ b: 's:1' }), 'another secret, another key')
  t.not(keys.session({ sessionId: '\ud800' }), keys.session({ sessionId: '\ud801' }), 'lone surrogates stay apart')
  t.throws(() => untyped.session?.({ sessionId: undefined }), /session: parameter sessionId/)
})

t.test('pattern() makes a wildcard of every parameter that is not given', async t => {
  t.equal(keys.account.pattern(), 'dashtam:user:*:account:*')
  t.equal(keys.account.pattern({ userId: 42 }), 'dashtam:user:42:account:*')
  t.equal(keys.account.pattern({ accountId: '*' }), 'dashtam:user:*:account:%2A')
  t.equal(keys.account.pattern({ userId: '', accountId: '' }), 'dashtam:user::account:')
  t.equal(keys.sessionList.pattern(), 'dashtam:session:{*}:list')
  t.equal(keys.session.pattern(), 'dashtam:session:*')
  t.equal(keys.session.pattern({ sessionId: 's' }), keys.session({ sessionId: 's' }))
  t.equal(keys.version.pattern(), keys.version())
})

t.test('pattern() refuses a slip that would turn a parameter into a wildcard', async t => {
  t.throws(
    () => untyped.account?.pattern({ userId: undefined }),
    new TypeError('account: parameter userId must be a string or a safe integer, got undefined')
  )
  t.throws(
    () => untyped.account?.pattern({ userid: 42 }),
    new TypeError("account: its template has no parameter 'userid'")
  )
  for (const params of [null, 42, 'ada']) {
    t.throws(() => untyped.account?.pattern(params), new TypeError('account: parameters must be an object'))
  }
  class Owner {
    get userId() {
      return 42
    }
  }
  t.equal(untyped.account?.pattern(new Owner()), 'dashtam:user:42:account:*', 'an accessor counts as given')
})

t.test('forTenant() puts every key and pattern under the tenant', async t => {
  const acme = keys.forTenant('acme')
  t.equal(acme.userProfile({ userId: 42 }), 'dashtam:@acme:user:42:profile')
  t.equal(acme.version(), 'dashtam:@acme:security:global:version')
  t.equal(acme.account.pattern({ userId: 1 }), 'dashtam:@acme:user:1:account:*')
  t.equal(acme.session({ sessionId: 's' }), keys.session({ sessionId: 's' }).replace(':', ':@acme:'))
  t.equal(keys.forTenant('a:*{').version(), 'dashtam:@a%3A%2A%7B:security:global:version')
  t.equal(keys.forTenant(7).version(), keys.forTenant('7').version())
  t.equal(acme.prefix, 'dashtam', 'the keyspace stays the same')
  t.equal(acme.userProfile.ttlSeconds, 300)
  t.notOk('forTenant' in acme, 'a tenant has no way to another')
  t.throws(() => keys.forTenant(undefined as unknown as string), /forTenant: parameter id .* got undefined/)
})

t.test('defineKeys() gives families no names but their own', async t => {
  const odd = defineKeys({ prefix: 'odd' }, { constructor: 'a:{id}', toString: 'b:{id}', valueOf: 'c:{id}' })
  t.equal(odd.constructor({ id: 1 }), 'odd:a:1')
  t.equal(odd.toString({ id: 1 }), 'odd:b:1')
  t.equal(odd.valueOf({ id: 1 }), 'odd:c:1')
  t.equal(odd.familyOf('odd:a:1'), 'constructor')
  t.notOk('hasOwnProperty' in odd, 'nothing is inherited')
  t.throws(() => Object.assign(odd, { constructor: () => 'mine' }), TypeError, 'frozen')
  t.throws(() => Object.assign(odd.constructor, { pattern: () => '*' }), TypeError, 'frozen')
})

t.test('defineKeys() refuses names that a family cannot have', async t => {
  for (const name of ['__proto__', '', '1a', 'a-b', 'a b', 'é']) {
    t.throws(() => defineKeys({ prefix: 'x' }, { [name]: 'a' }), /family's name must be a letter/, name)
  }
  for (const name of ['forTenant', 'familyOf', 'prefix', 'then']) {
    t.throws(() => defineKeys({ prefix: 'x' }, { [name]: 'a' } as Families), /reserved names prefix, familyOf/, name)
  }
})

t.test('defineKeys() refuses templates that it cannot read', async t => {
  const segments =
    /^wrong: each segment must be a literal of A-Z a-z 0-9 _ \. - or one \{parameter\}, got the template '/
  const templates: [unknown, RegExp][] = [
    ['', segments],
    ['a:', segments],
    ['a::b', segments],
    [':a', segments],
    ['a b', segments],
    ['a:{}', segments],
    ['a:{b', segments],
    ['a:b}', segments],
    ['a:{{b}', segments],
    ['a:{b}}', segments],
    ['a:{b}c', segments],
    ['a:{b}{c}', segments],
    ['a:{1}', segments],
    ['a:{__proto__}', segments],
    ['a:*', segments],
    ['@a:b', segments],
    ['~a', segments],
    ['a\n', segments],
    ['a:%2A', segments],
    ['{a}:b', /first segment must be a literal/],
    ['{{a}}', /first segment must be a literal/],
    ['a:{b}:{b}', /must not stand in it twice/],
    ['a:{b}:{{b}}', /must not stand in it twice/],
    ['a:{{b}}:{{c}}', /at most one parameter may be a hash tag/],
    [undefined, /template must be a string, as in 'user:\{userId\}', got undefined/],
    [7, /template must be a string.*got number/]
  ]
  for (const [template, expected] of templates) {
    const families = { wrong: { template } } as unknown as Families
    t.throws(() => defineKeys({ prefix: 'x' }, families), expected, String(template))
  }
})

t.test('defineKeys() refuses a definition that says what it does not know', async t => {
  const wrong: [unknown, RegExp][] = [
    [{ template: 'a:{b}', hash: ['b'] }, /wrong: unknown property 'hash'; known are template, hashed, ttlSeconds/],
    [{ template: 'a:{b}', toString: 1 }, /unknown property 'toString'/],
    [{ template: 'a:{b}', hashed: ['c'] }, /wrong: hashed must name parameters of the template, got "c"/],
    [{ template: 'a:{b}', hashed: ['a'] }, /hashed must name parameters/],
    [{ template: 'a:{b}', hashed: 'b' }, /hashed must be an array of names, got string/],
    [{ template: 'a:{b}', ttlSeconds: 0 }, /wrong: ttlSeconds must be a number above 0 .* got 0/],
    [{ template: 'a:{b}', ttlSeconds: '60' }, /wrong: ttlSeconds must be a number above 0 .* got string/],
    [null, /wrong: the definition must be a template or an object, got null/],
    [7, /wrong: the definition must be a template or an object, got 7/]
  ]
  for (const [definition, expected] of wrong) {
    t.throws(() => defineKeys({ prefix: 'x', secret }, { wrong: definition } as unknown as Families), expected)
  }
  t.doesNotThrow(() => defineKeys({ prefix: 'x' }, { right: { template: 'a', ttlSeconds: Number.POSITIVE_INFINITY } }))
})

t.test('defineKeys() refuses a prefix that no adapter would take, and options that it does not know', async t => {
  for (const prefix of ['', 'a:b', 'a*', '~a', 'é', 'x'.repeat(65), undefined, 7]) {
    t.throws(
      () => defineKeys({ prefix } as { prefix: string }, {}),
      /^prefix must be 1 to 64 characters/,
      String(prefix)
    )
  }
  t.throws(() => defineKeys(undefined as never, {}), new TypeError('defineKeys: options must be an object'))
  const misspelt = { prefix: 'x', secrets: secret }
  t.throws(() => defineKeys(misspelt, {}), /defineKeys: unknown option 'secrets'; known are prefix, secret/)
})

t.test('defineKeys() refuses a secret that is missing or too short, and never quotes it', async t => {
  const families = { session: { template: 'session:{id}', hashed: ['id'] } } as const
  t.throws(() => defineKeys({ prefix: 'x' }, families), /session: hashed parameters need the option secret/)
  const short = 'hunter2'
  t.throws(() => defineKeys({ prefix: 'x', secret: short }, families), {
    message: 'secret must have at least 32 bytes, got 7'
  })
  t.throws(() => defineKeys({ prefix: 'x', secret: short }, {}), /at least 32 bytes/, 'even where none is needed')
  t.throws(() => defineKeys({ prefix: 'x', secret: new Uint8Array(31) }, families), /got 31/)
  t.throws(() => defineKeys({ prefix: 'x', secret: null as unknown as string }, families), /Uint8Array, got null/)
  t.throws(() => defineKeys({ prefix: 'x', secret: 42 as unknown as string }, families), /Uint8Array, got number/)
  t.doesNotThrow(() => defineKeys({ prefix: 'x', secret: 'é'.repeat(16) }, families), 'bytes are counted')
})

t.test('defineKeys() refuses families whose keys a cache would not accept', async t => {
  const wide = (count: number) => ['a', ...Array.from({ length: count }, (_, at) => `{p${at}}`)].join(':')
  t.throws(
    () => defineKeys({ prefix: 'x' }, { wide: wide(62) }),
    /wide: its longest key would have \d+ characters, at most 8192/
  )
  const longest = defineKeys({ prefix: 'x'.repeat(64) }, { wide: wide(61) }).forTenant('x'.repeat(128))
  const params = Object.fromEntries(Array.from({ length: 61 }, (_, at) => [`p${at}`, 'x'.repeat(128)]))
  t.equal(new Keyspace('x'.repeat(64)).problemOfKey(longest.wide(params)), undefined)
})
