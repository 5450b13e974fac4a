import { createHmac, randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { createScryptPasswords } from '../src/infrastructure/security/scrypt-passwords.ts'
import { type Answer, accountsOf, clientOf, DEMO_USER, OTHER_USER, openDemo, signIn } from './fixtures/demo.ts'

const JWT_SECRET = 'a secret of the test, of 32 characters and more'

t.setTimeout(120_000)

// One PostgreSQL for the whole file: it takes seconds to start.
const app = await openDemo({ DATA_DIR: t.testdir(), JWT_SECRET }, { passwords: createScryptPasswords() })
t.teardown(() => app.close())
const client = clientOf(app, await signIn(app))

function isProblem(t: Test, response: Answer, status: number): void {
  t.equal(response.statusCode, status)
  t.equal(response.headers['content-type'], 'application/problem+json')
  t.equal(response.json().status, status)
  t.notMatch(response.body, /stack|node_modules|select |\.ts/, 'nothing of the inside')
}

t.test('POST /sessions signs the demo user in', async t => {
  const response = await app.inject({ method: 'POST', url: '/api/v1/sessions', body: DEMO_USER })
  t.equal(response.statusCode, 201)
  t.strictSame(Object.keys(response.json()), ['accessToken', 'refreshToken', 'sessionId'])
  t.equal(response.headers['cache-control'], 'no-store')
})

t.test('POST /sessions takes an e-mail address in any case', async t => {
  const body = { ...DEMO_USER, email: 'Demo@Dashtam.Example' }
  t.equal((await app.inject({ method: 'POST', url: '/api/v1/sessions', body })).statusCode, 201)
})

t.test('POST /sessions answers a wrong password and an unknown user alike', async t => {
  const wrong = [
    { ...DEMO_USER, password: 'dashtam-demo ' },
    { ...DEMO_USER, email: 'nobody@dashtam.example' }
  ]
  const answers = await Promise.all(wrong.map(body => app.inject({ method: 'POST', url: '/api/v1/sessions', body })))
  for (const answer of answers) isProblem(t, answer, 401)
  t.equal(answers[0]?.body, answers[1]?.body)
})

t.test('POST /sessions refuses a body that breaks the schema', async t => {
  const bodies: [body: unknown, pointer: string][] = [
    [{ email: DEMO_USER.email }, 'body#/password'],
    [{ ...DEMO_USER, admin: true }, 'body#/admin'],
    [{ ...DEMO_USER, 'a/b~c': 1 }, 'body#/a~1b~0c'],
    [{ ...DEMO_USER, email: "' or 1=1 --" }, 'body#/email'],
    [{ ...DEMO_USER, email: { $ne: null } }, 'body#/email'],
    [{ ...DEMO_USER, password: 12 }, 'body#/password'],
    [{ ...DEMO_USER, password: 'x'.repeat(257) }, 'body#/password'],
    [[], 'body#']
  ]
  for (const [body, pointer] of bodies) {
    const response = await app.inject({ method: 'POST', url: '/api/v1/sessions', body: body as object })
    isProblem(t, response, 400)
    t.equal(response.json().errors[0].pointer, pointer)
  }
})

t.test('POST /sessions, however often, does not hold up who is signed in', async t => {
  let signedIn = 0
  const signIns = Array.from({ length: 8 }, async () => {
    await signIn(app)
    signedIn++
  })
  await Promise.race(signIns)
  const before = signedIn
  t.equal((await client.list()).statusCode, 200)
  t.ok(signedIn - before < 3, `${signedIn - before} others came first`)
  await Promise.all(signIns)
})

t.test('GET /accounts lists the accounts, the second time from the cache', async t => {
  const own = clientOf(app, await signIn(app, OTHER_USER))
  const first = await own.list()
  t.equal(first.statusCode, 200)
  t.equal(first.headers['cache-status'], 'dashtam; fwd=miss')
  const second = await own.list()
  t.equal(second.headers['cache-status'], 'dashtam; hit')
  t.equal(second.body, first.body)
  t.equal(second.headers['cache-control'], 'no-store')

  const { accounts } = first.json()
  t.equal(accounts.length, 10)
  for (const account of accounts) {
    t.strictSame(Object.keys(account), ['id', 'name', 'type', 'balance', 'currency', 'updatedAt', 'connectionId'])
    t.match(account.balance, /^-?\d+\.\d\d$/)
  }
  const metrics = await app.inject('/metrics')
  t.match(metrics.body, 'dashtam_cache_reads_total{namespace="accountsOfUser",result="hit",tier="memory"} 1')
})

t.test('GET /accounts/{id} reads one account, the second time from the cache', async t => {
  const [account] = await accountsOf(client)
  t.ok(account)
  const id = String(account?.id)
  const first = await client.get(id)
  t.strictSame(first.json(), account)
  t.equal(first.headers['cache-status'], 'dashtam; fwd=miss')
  t.equal((await client.get(id.toUpperCase())).headers['cache-status'], 'dashtam; hit', 'in any case')
})

t.test('GET /accounts/{id} knows no account of somebody else, cached or not', async t => {
  const other = clientOf(app, await signIn(app, OTHER_USER))
  const [theirs] = await accountsOf(other)
  const id = String(theirs?.id)
  isProblem(t, await client.get(id), 404)
  t.equal((await other.get(id)).statusCode, 200)
  const refused = await client.get(id)
  isProblem(t, refused, 404)
  t.equal(refused.headers['cache-status'], undefined, 'and tells nothing of their cache')
  t.equal(refused.headers['cache-control'], 'no-store')
  isProblem(t, await client.rename(id, { name: 'Mine now' }), 404)
  isProblem(t, await client.get('00000000-0000-4000-8000-000000000000'), 404)
  t.equal((await accountsOf(other))[0]?.name, theirs?.name)
})

t.test('PATCH /accounts/{id} shows the new name from then on', async t => {
  const [account] = await accountsOf(client)
  const id = String(account?.id)
  await client.get(id)
  const name = 'Ünïcödé “savings” 👨‍👩‍👧 __proto__ %00 <b>'
  const renamed = await client.rename(id.toUpperCase(), { name })
  t.equal(renamed.statusCode, 200)
  t.equal(renamed.json().name, name)
  const list = await client.list()
  t.equal(list.headers['cache-status'], 'dashtam; fwd=miss')
  t.equal(list.json().accounts[0].name, name)
  t.strictSame((await client.get(id)).json(), renamed.json())
  t.equal((await client.list()).headers['cache-status'], 'dashtam; hit')
})

t.test('PATCH /accounts/{id} shows the new name in every list, however many read meanwhile', async t => {
  const [account] = await accountsOf(client)
  const id = String(account?.id)
  for (let round = 0; round < 20; round++) {
    const name = `Round ${round}`
    const readers = Array.from({ length: 10 }, () => client.list())
    await client.rename(id, { name })
    t.equal((await accountsOf(client))[0]?.name, name)
    await Promise.all(readers)
    t.equal((await accountsOf(client))[0]?.name, name, 'nobody stored what they had read before')
  }
})

t.test('PATCH /accounts/{id} refuses a body that breaks the schema', async t => {
  const [account] = await accountsOf(client)
  const id = String(account?.id)
  const bodies = [
    {},
    { name: '' },
    { name: '  ' },
    { name: 'x'.repeat(101) },
    { name: 'NUL \u0000' },
    { name: 'line\nbreak' },
    { name: 'half \ud83d' },
    { name: 'line\u2028separator' },
    { name: '\u200b\u2060' },
    { name: null },
    { name: 5 },
    { name: ['a'] },
    { name: 'x', balance: '1000000.00' },
    { name: 'x', id: '00000000-0000-4000-8000-000000000000' },
    'null',
    '{"name":"x"',
    '{"name":"x","__proto__":{"admin":true}}',
    '{"name":"x","constructor":{"prototype":{"admin":true}}}'
  ]
  for (const body of bodies) isProblem(t, await client.rename(id, body), 400)
  isProblem(t, await client.rename(id, { name: 'x'.repeat(20_000) }), 413)
  t.equal((await accountsOf(client))[0]?.name, account?.name)
  t.equal(({} as { admin?: boolean }).admin, undefined)
  t.equal((await client.rename(id, { name: 'é'.repeat(100) })).statusCode, 200, '100 characters are allowed')
})

t.test('an id that is no UUID is refused before the database sees it', async t => {
  const ids = ["1' or '1'='1", '%27%3B%20drop%20table%20users', 'undefined', '__proto__', 'x'.repeat(90), '%00']
  for (const id of ids) {
    isProblem(t, await client.get(id), 400)
    isProblem(t, await client.rename(id, { name: 'x' }), 400)
  }
  isProblem(t, await client.get('urn:uuid:f8b02958-4dc6-8243-7bbe-ee38f3a951d2'), 400)
  isProblem(t, await client.get('%zz'), 400)
})

t.test('a request without a valid token is refused, whatever it asks', async t => {
  const [, payload = '', signature = ''] = (await signIn(app)).split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const header = { alg: 'HS256', typ: 'at+jwt' }
  const now = Math.floor(Date.now() / 1_000)
  const tokens = {
    none: `${encode({ ...header, alg: 'none' })}.${payload}.`,
    'none with a signature': `${encode({ ...header, alg: 'none' })}.${payload}.${signature}`,
    'another user': `${encode(header)}.${encode({ ...claims, sub: 'somebody' })}.${signature}`,
    'another secret': sign(header, claims, 'another secret that is just as long as the real one'),
    'another algorithm': sign({ ...header, alg: 'HS512' }, claims, JWT_SECRET),
    'another kind': sign({ ...header, typ: 'JWT' }, claims, JWT_SECRET),
    'another issuer': sign(header, { ...claims, iss: 'somebody' }, JWT_SECRET),
    'another audience': sign(header, { ...claims, aud: 'somebody' }, JWT_SECRET),
    expired: sign(header, { ...claims, exp: now - 1 }, JWT_SECRET),
    endless: sign(header, { ...claims, exp: undefined }, JWT_SECRET),
    'not yet': sign(header, { ...claims, nbf: now + 60 }, JWT_SECRET),
    'nobody in particular': sign(header, { ...claims, sub: undefined }, JWT_SECRET),
    'no session': sign(header, { ...claims, sid: undefined }, JWT_SECRET),
    'another session': sign(header, { ...claims, sid: `${'x'.repeat(43)}.${claims.sid.slice(44)}` }, JWT_SECRET),
    'a session that is none': sign(header, { ...claims, sid: '*' }, JWT_SECRET),
    'a session of another user': sign(header, { ...claims, sub: randomUUID() }, JWT_SECRET),
    'all users': sign(header, { ...claims, sub: '*' }, JWT_SECRET),
    'a number': sign(header, { ...claims, sub: 42 }, JWT_SECRET),
    'the same user, with other cache keys': sign(header, { ...claims, sub: claims.sub.toUpperCase() }, JWT_SECRET),
    'a header that asks for more': sign({ ...header, crit: ['exp'] }, claims, JWT_SECRET),
    'no JSON': `${Buffer.from('{').toString('base64url')}.${payload}.${signature}`,
    garbage: 'a.b.c'
  }
  t.equal((await clientOf(app, sign(header, claims, JWT_SECRET)).list()).statusCode, 200, 'the forger is able')
  for (const [name, token] of Object.entries(tokens)) {
    const response = await clientOf(app, token).list()
    t.equal(response.statusCode, 401, name)
  }
  for (const authorization of [
    '',
    'Bearer',
    'Bearer ',
    'Basic ZGVtbzpkZW1v',
    'Bearer a b',
    `bearer ${'x'.repeat(5_000)}`
  ]) {
    const response = await app.inject({ url: '/api/v1/accounts', headers: { authorization } })
    isProblem(t, response, 401)
    t.equal(response.headers['www-authenticate'], 'Bearer')
    t.equal(response.headers['cache-control'], 'no-store')
  }
  isProblem(t, await app.inject({ method: 'PATCH', url: '/api/v1/accounts/not-an-id', body: {} }), 401)
})

t.test('an unknown address, method or content type is a problem document', async t => {
  isProblem(t, await app.inject('/nowhere'), 404)
  isProblem(t, await app.inject({ method: 'DELETE', url: '/api/v1/accounts' }), 404)
  isProblem(t, await app.inject({ method: 'PUT', url: '/api/v1/sessions' }), 404)
  const headers = { 'content-type': 'text/xml' }
  isProblem(t, await app.inject({ method: 'POST', url: '/api/v1/sessions', headers, body: '<a/>' }), 415)
})

t.test('/docs shows the API, its errors and how to authenticate', async t => {
  t.equal((await app.inject('/docs')).statusCode, 200)
  t.equal((await app.inject('/')).headers.location, '/docs')
  const { paths, components } = (await app.inject('/docs/json')).json()
  t.strictSame(Object.keys(paths), [
    '/api/v1/users',
    '/api/v1/sessions',
    '/api/v1/tokens',
    '/api/v1/connections/callback',
    '/api/v1/sessions/{sessionId}',
    '/api/v1/users/me',
    '/api/v1/users/me/password',
    '/api/v1/users/me/security/rotation',
    '/api/v1/admin/security/rotation',
    '/api/v1/accounts',
    '/api/v1/accounts/{accountId}',
    '/api/v1/accounts/{accountId}/transactions',
    '/api/v1/connections',
    '/api/v1/connections/{connectionId}',
    '/api/v1/connections/{connectionId}/sync',
    '/api/v1/admin/users',
    '/api/v1/admin/users/{userId}/roles'
  ])
  t.ok(components.schemas.Problem)
  t.ok(components.securitySchemes.accessToken)
})

t.test('/health and /health/ready say that all is well', async t => {
  t.match((await app.inject('/health')).json(), { status: 'healthy', cache: 'up' })
  t.equal((await app.inject('/health/ready')).statusCode, 200)
})

t.test('/metrics does not grow with the users and the addresses', async t => {
  const lines = async () => (await app.inject('/metrics')).body.split('\n').length
  const visit = async (name: string) => {
    const credentials = { email: `${name}@dashtam.example`, password: 'long enough' }
    await app.inject({ method: 'POST', url: '/api/v1/users', body: { ...credentials, name } })
    const stranger = clientOf(app, await signIn(app, credentials))
    t.strictSame(await accountsOf(stranger), [])
    isProblem(t, await stranger.get(randomUUID()), 404)
    isProblem(t, await app.inject(`/${name}`), 404)
  }
  await visit('visitor')
  const before = await lines()
  for (let visitor = 0; visitor < 5; visitor++) await visit(`visitor${visitor}`)
  t.equal(await lines(), before)
})

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

function sign(
  header: { readonly alg: string; readonly [name: string]: unknown },
  claims: object,
  secret: string
): string {
  const text = `${encode(header)}.${encode(claims)}`
  const hash = header.alg === 'HS512' ? 'sha512' : 'sha256'
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`
}
