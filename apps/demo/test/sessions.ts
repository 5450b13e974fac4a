import { setTimeout as sleep } from 'node:timers/promises'
import { createTestDatabase } from '@dashtam/testkit'
import t, { type Test } from 'tap'
import { ADMIN, type Answer, clientOf, DEMO_USER, OTHER_USER, openDemo } from './fixtures/demo.ts'

t.setTimeout(120_000)

const database = await createTestDatabase()
const app = await openDemo({ DATABASE_URL: database.url, RATE_LIMIT_API_PER_MINUTE: '200' })
t.teardown(async () => {
  await app.close()
  await database.drop()
})

interface Credentials {
  readonly email: string
  readonly password: string
}

interface From {
  readonly token?: string | undefined
  readonly cookie?: string | undefined
  readonly remoteAddress?: string
}

type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'

function ask(
  method: Method,
  path: string,
  { token, cookie, remoteAddress }: From = {},
  body?: object
): Promise<Answer> {
  return app.inject({
    method,
    url: `/api/v1${path}`,
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    ...(cookie !== undefined && { cookies: { session: cookie } }),
    ...(remoteAddress !== undefined && { remoteAddress }),
    ...(body && { body })
  })
}

async function signIn(credentials: Credentials, from: From = {}) {
  const answer = await app.inject({
    method: 'POST',
    url: '/api/v1/sessions',
    body: credentials,
    ...(from.remoteAddress !== undefined && { remoteAddress: from.remoteAddress })
  })
  const { accessToken = '', refreshToken = '', sessionId = '' } = answer.json()
  return { answer, token: accessToken, refreshToken, sessionId, cookie: answer.cookies[0]?.value ?? '' }
}

async function register(name: string) {
  const credentials = { email: `${name}@dashtam.example`, password: `${name} has a password` }
  const answer = await ask('POST', '/users', {}, { ...credentials, name })
  return { answer, credentials, id: answer.json().id as string }
}

function isProblem(t: Test, answer: Answer, status: number): void {
  t.equal(answer.statusCode, status)
  t.equal(answer.headers['content-type'], 'application/problem+json')
  t.match(answer.json(), { type: 'about:blank', status })
  t.notMatch(answer.body, /stack|node_modules|select |\.ts/, 'nothing of the inside')
}

t.test('POST /users registers, once for an address', async t => {
  const { answer, credentials, id } = await register('ann')
  t.equal(answer.statusCode, 201)
  t.strictSame(answer.json(), { id, email: 'ann@dashtam.example', name: 'ann' })
  const again = { ...credentials, email: 'Ann@Dashtam.Example', name: 'Ann' }
  isProblem(t, await ask('POST', '/users', {}, again), 409)
  t.equal((await signIn(credentials)).answer.statusCode, 201)
  const both = [1, 2, 3].map(() => register('at the same time'.replaceAll(' ', '-')))
  const statuses = (await Promise.all(both)).map(({ answer }) => answer.statusCode)
  t.strictSame(statuses.sort(), [201, 409, 409])
})

t.test('a password has 8 to 128 characters, whatever they are', async t => {
  const user = { email: 'bob@dashtam.example', name: 'Bob' }
  for (const password of ['1234567', 'x'.repeat(129), '', 12345678, null, undefined, ['12345678']]) {
    isProblem(t, await ask('POST', '/users', {}, { ...user, password }), 400)
  }
  const passwords = ['12345678', 'x'.repeat(128), '  spaces ', '👩‍👩‍👧‍👦👩‍👩‍👧‍👦', 'Ａcute é \u0000 NUL']
  for (const [index, password] of passwords.entries()) {
    const email = `bob${index}@dashtam.example`
    t.equal((await ask('POST', '/users', {}, { ...user, email, password })).statusCode, 201, JSON.stringify(password))
    t.equal((await signIn({ email, password })).answer.statusCode, 201)
  }
  const composed = { email: 'bob4@dashtam.example', password: 'Acute e\u0301 \u0000 NUL' }
  t.equal((await signIn(composed)).answer.statusCode, 201, 'two ways to type a letter')
})

t.test('POST /users refuses what breaks the schema', async t => {
  const user = { email: 'cid@dashtam.example', password: 'long enough', name: 'Cid' }
  for (const wrong of [
    { email: 'nobody' },
    { email: `${'x'.repeat(260)}@dashtam.example` },
    { name: '' },
    { name: ' \u200b' },
    { name: 'x'.repeat(101) },
    { name: 'line\nbreak' },
    { roles: ['admin'] },
    { id: '00000000-0000-4000-8000-000000000000' }
  ]) {
    isProblem(t, await ask('POST', '/users', {}, { ...user, ...wrong }), 400)
  }
  isProblem(t, await ask('POST', '/users', {}, { ...user, name: 'x'.repeat(20_000) }), 413)
})

t.test('a browser is known by its cookie, a client by its token', async t => {
  const { answer, token, cookie, sessionId } = await signIn(DEMO_USER)
  t.match(answer.headers['set-cookie'], /^session=[^;]+; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/)
  for (const from of [{ token }, { cookie }, { token, cookie: 'forged' }]) {
    t.equal((await ask('GET', '/accounts', from)).statusCode, 200)
    const { sessions } = (await ask('GET', '/sessions', from)).json()
    const own = sessions.filter((session: { current: boolean }) => session.current)
    t.strictSame(Object.keys(own[0]), ['id', 'current', 'createdAt', 'lastSeenAt'])
    t.equal(own.length, 1)
    t.equal(own[0].id, sessionId)
    t.ok(Math.abs(Date.parse(own[0].createdAt) - Date.now()) < 60_000)
  }
  isProblem(t, await ask('GET', '/accounts', { token: 'a.b.c', cookie }), 401)
})

t.test('a forged or foreign cookie is no session', async t => {
  const { cookie, sessionId, refreshToken, token } = await signIn(DEMO_USER)
  const last = cookie.at(-1) === 'A' ? 'B' : 'A'
  for (const forged of [
    sessionId,
    `${sessionId}.`,
    cookie.slice(0, -1),
    cookie.slice(0, -1) + last,
    token,
    '',
    '%00'
  ]) {
    isProblem(t, await ask('GET', '/accounts', { cookie: forged }), 401)
  }
  for (const wrong of [refreshToken, sessionId, cookie]) {
    isProblem(t, await ask('GET', '/accounts', { token: wrong }), 401)
  }
})

t.test('POST /tokens refreshes an access token', async t => {
  const { refreshToken, token } = await signIn(DEMO_USER)
  const refreshed = await ask('POST', '/tokens', {}, { refreshToken })
  t.equal(refreshed.statusCode, 201)
  t.strictSame(Object.keys(refreshed.json()), ['accessToken', 'refreshToken'])
  t.equal((await ask('GET', '/accounts', { token: refreshed.json().accessToken })).statusCode, 200)
  for (const wrong of [token, 'a.b.c', '', refreshToken.slice(0, -1), `${refreshToken}x`]) {
    isProblem(t, await ask('POST', '/tokens', {}, { refreshToken: wrong }), 401)
  }
  for (const body of [{}, { refreshToken: 5 }, { refreshToken, more: 1 }, { refreshToken: 'x'.repeat(3_000) }]) {
    isProblem(t, await ask('POST', '/tokens', {}, body), 400)
  }
})

t.test('a session that ends, ends with its cookie, its tokens and its refresh token', async t => {
  const { credentials } = await register('dora')
  const first = await signIn(credentials)
  const second = await signIn(credentials)
  const isOver = async ({ token, cookie, refreshToken }: typeof first) => {
    isProblem(t, await ask('GET', '/accounts', { token }), 401)
    isProblem(t, await ask('GET', '/sessions', { cookie }), 401)
    isProblem(t, await ask('POST', '/tokens', {}, { refreshToken }), 401)
  }
  t.equal((await ask('GET', '/sessions', first)).json().sessions.length, 2)
  t.equal((await ask('DELETE', `/sessions/${second.sessionId}`, { token: first.token })).statusCode, 204)
  await isOver(second)
  isProblem(t, await ask('DELETE', `/sessions/${second.sessionId}`, { token: first.token }), 404)

  const ended = await ask('DELETE', `/sessions/${first.sessionId}`, { cookie: first.cookie })
  t.match(ended.headers['set-cookie'], /^session=; Max-Age=0;/)
  await isOver(first)

  const all = await Promise.all([1, 2, 3].map(() => signIn(credentials)))
  t.equal((await ask('DELETE', '/sessions', { cookie: all[0]?.cookie })).statusCode, 204)
  for (const each of all) await isOver(each)
  const other = await signIn(OTHER_USER)
  const mine = await signIn(credentials)
  t.equal((await ask('DELETE', '/sessions', { token: mine.token, cookie: other.cookie })).statusCode, 204)
  t.equal(
    (await ask('GET', '/accounts', { cookie: other.cookie })).statusCode,
    200,
    'not that of a cookie that came along'
  )
  const last = await signIn(credentials)
  t.equal((await ask('GET', '/sessions', last)).json().sessions.length, 1)
})

t.test('nobody ends a session of somebody else', async t => {
  const theirs = await signIn(OTHER_USER)
  const { token } = await signIn(DEMO_USER)
  for (const id of [theirs.sessionId, 'unknown', '\0', '../', 'x'.repeat(90), "' or 1=1"]) {
    isProblem(t, await ask('DELETE', `/sessions/${encodeURIComponent(id)}`, { token }), 404)
  }
  t.equal((await ask('GET', '/accounts', { token: theirs.token })).statusCode, 200)
  for (const [method, path] of [
    ['GET', '/sessions'],
    ['DELETE', '/sessions'],
    ['DELETE', `/sessions/${theirs.sessionId}`]
  ] as const) {
    isProblem(t, await ask(method, path), 401)
  }
})

t.test('public routes do not look at what comes along', async t => {
  const { token } = await signIn(DEMO_USER)
  for (const from of [{ token: 'a.b.c' }, { cookie: 'forged' }, { token }]) {
    t.equal((await ask('POST', '/sessions', from, DEMO_USER)).statusCode, 201)
    isProblem(t, await ask('POST', '/tokens', from, { refreshToken: 'a.b.c' }), 401)
    isProblem(t, await ask('POST', '/users', from, { ...DEMO_USER, name: 'Demo' }), 409)
    for (const url of ['/health', '/docs/json']) {
      const headers = { authorization: 'Bearer a.b.c', cookie: 'session=forged' }
      t.equal((await app.inject({ url, headers })).statusCode, 200)
    }
  }
})

t.test('five wrong sign-ins in a minute, by user and address, and right ones do not count', async t => {
  const { credentials } = await register('eve')
  const wrong = { ...credentials, password: 'wrong' }
  const here = { remoteAddress: '192.0.2.1' }
  const right = await Promise.all(Array.from({ length: 12 }, () => signIn(credentials, here)))
  t.strictSame(new Set(right.map(({ answer }) => answer.statusCode)), new Set([201]))
  const guesses = await Promise.all(Array.from({ length: 20 }, () => signIn(wrong, here)))
  const statuses = guesses.map(({ answer }) => answer.statusCode).sort()
  t.strictSame(statuses, [...Array(5).fill(401), ...Array(15).fill(429)], 'however many at the same time')
  const { answer: refused } = await signIn(credentials, here)
  isProblem(t, refused, 429)
  t.ok(Number(refused.headers['retry-after']) <= 12, 'one comes back each twelve seconds')
  isProblem(t, (await signIn({ ...wrong, email: 'EVE@dashtam.example' }, here)).answer, 429)
  t.equal((await signIn(credentials, { remoteAddress: '192.0.2.2' })).answer.statusCode, 201, 'from elsewhere')
  t.equal((await signIn(DEMO_USER, here)).answer.statusCode, 201, 'another user')
  const nobody = { email: 'nobody@dashtam.example', password: 'wrong' }
  for (let guess = 0; guess < 5; guess++) isProblem(t, (await signIn(nobody, here)).answer, 401)
  isProblem(t, (await signIn(nobody, here)).answer, 429)
})

t.test('requests are limited by user and endpoint', async t => {
  const [ann, other] = [
    await signIn({ email: 'ann@dashtam.example', password: 'ann has a password' }),
    await signIn(OTHER_USER)
  ]
  const answers = await Promise.all(Array.from({ length: 205 }, () => ask('GET', '/accounts', ann)))
  const over = answers.filter(({ statusCode }) => statusCode === 429)
  t.ok(over.length >= 3 && over.length <= 5, `${over.length} of 205 are over 200`)
  const [first] = over
  t.ok(first)
  if (first !== undefined) isProblem(t, first, 429)
  t.match(first?.headers['ratelimit-policy'], /"api";q=200;w=60/)
  t.ok(Number(first?.headers['retry-after']) >= 1)
  t.equal((await ask('GET', '/sessions', ann)).statusCode, 200, 'another endpoint')
  t.equal((await ask('GET', '/accounts', other)).statusCode, 200, 'another user')
})

t.test('admin routes are for admins', async t => {
  const admin = await signIn(ADMIN)
  const { id, credentials } = await register('fay')
  const fay = await signIn(credentials)
  isProblem(t, await ask('GET', '/admin/users'), 401)
  isProblem(t, await ask('GET', '/admin/users', fay), 403)
  isProblem(t, await ask('PUT', `/admin/users/${id}/roles`, fay, { roles: ['admin'] }), 403)
  const { users } = (await ask('GET', '/admin/users', admin)).json()
  t.ok(users.length > 500)
  t.strictSame(
    users.find((user: { email: string }) => user.email === credentials.email),
    { id, email: credentials.email, name: 'fay', roles: [] }
  )
  t.notMatch(JSON.stringify(users), /scrypt|password/)

  const granted = await ask('PUT', `/admin/users/${id.toUpperCase()}/roles`, admin, { roles: ['auditor'] })
  t.strictSame(granted.json(), { id, email: credentials.email, name: 'fay', roles: ['auditor'] })
  t.equal((await ask('GET', '/admin/users', fay)).statusCode, 200, 'at once')
  isProblem(t, await ask('PUT', `/admin/users/${id}/roles`, fay, { roles: ['admin'] }), 403)
  await ask('PUT', `/admin/users/${id}/roles`, admin, { roles: ['admin', 'auditor'] })
  t.equal((await ask('PUT', `/admin/users/${id}/roles`, fay, { roles: ['admin'] })).statusCode, 200)
  t.equal((await ask('PUT', `/admin/users/${id}/roles`, admin, { roles: [] })).statusCode, 200)
  isProblem(t, await ask('GET', '/admin/users', fay), 403)
})

t.test('admin routes refuse what is wrong', async t => {
  const admin = await signIn(ADMIN)
  const { users } = (await ask('GET', '/admin/users', admin)).json()
  const own = users.find((user: { email: string }) => user.email === ADMIN.email)
  const put = (id: string, body: object) => ask('PUT', `/admin/users/${id}/roles`, admin, body)
  for (const body of [
    {},
    { roles: 'admin' },
    { roles: ['root'] },
    { roles: ['admin', 'admin'] },
    { roles: [null] },
    { roles: ['__proto__'] },
    { roles: [], more: 1 }
  ]) {
    isProblem(t, await put(own.id, body), 400)
  }
  isProblem(t, await put('00000000-0000-4000-8000-000000000000', { roles: ['admin'] }), 404)
  isProblem(t, await put('1%20or%201=1', { roles: ['admin'] }), 400)
  isProblem(t, await put(own.id, { roles: [] }), 409)
  t.equal((await ask('GET', '/admin/users', admin)).statusCode, 200, 'somebody stays admin')

  const pages = []
  for (let after = ''; ; ) {
    const page = await ask('GET', `/admin/users?limit=200&after=${encodeURIComponent(after)}`, admin)
    const emails: string[] = page.json().users.map(({ email }: { email: string }) => email)
    pages.push(...emails)
    if (emails.length < 200) break
    after = emails.at(-1) ?? ''
  }
  t.strictSame(
    pages,
    users.map(({ email }: { email: string }) => email)
  )
  isProblem(t, await ask('GET', '/admin/users?after=%00', admin), 400)
  for (const limit of ['0', '1001', 'all', '-1', '1e2']) {
    isProblem(t, await ask('GET', `/admin/users?limit=${limit}`, admin), 400)
  }
})

t.test('a user sees and changes himself, and the cache follows', async t => {
  const { id, credentials } = await register('hal')
  const hal = await signIn(credentials)
  const me = { id, email: credentials.email, name: 'hal', settings: { language: 'en', currency: 'USD' } }
  isProblem(t, await ask('GET', '/users/me'), 401)
  const first = await ask('GET', '/users/me', hal)
  t.strictSame([first.json(), first.headers['cache-status']], [me, 'dashtam; fwd=miss'])
  const second = await ask('GET', '/users/me', hal)
  t.strictSame([second.json(), second.headers['cache-status']], [me, 'dashtam; hit'])
  const changes = { name: 'Hal', settings: { language: 'de' } }
  const changed = { ...me, name: 'Hal', settings: { language: 'de', currency: 'USD' } }
  t.strictSame((await ask('PATCH', '/users/me', hal, changes)).json(), changed)
  t.strictSame((await ask('GET', '/users/me', hal)).json(), changed)
  t.equal((await ask('GET', '/users/me', await signIn(OTHER_USER))).json().settings.language, 'en')
  for (const wrong of [
    {},
    { name: '' },
    { name: 'line\nbreak' },
    { email: 'other@dashtam.example' },
    { settings: {} },
    { settings: { language: 'xx' } },
    { settings: { currency: 'dollars' } },
    { settings: { theme: 'dark' } },
    { roles: ['admin'] }
  ]) {
    isProblem(t, await ask('PATCH', '/users/me', hal, wrong), 400)
  }
})

t.test('another password ends all other sessions', async t => {
  const { credentials } = await register('ida')
  const [here, there] = [await signIn(credentials), await signIn(credentials)]
  const change = (currentPassword: string, newPassword: string, from: From = here) =>
    ask('PUT', '/users/me/password', from, { currentPassword, newPassword })
  isProblem(t, await change(credentials.password, 'a new password', {}), 401)
  isProblem(t, await change('wrong', 'a new password'), 401)
  isProblem(t, await change(credentials.password, 'short'), 400)
  t.equal((await ask('GET', '/accounts', there)).statusCode, 200)
  await ask('GET', '/users/me', here)
  t.equal((await change(credentials.password, 'a new password')).statusCode, 204)
  t.equal((await ask('GET', '/users/me', here)).headers['cache-status'], 'dashtam; fwd=miss', 'it is dropped')
  isProblem(t, await ask('GET', '/accounts', there), 401)
  isProblem(t, (await signIn(credentials)).answer, 401)
  t.equal((await signIn({ ...credentials, password: 'a new password' })).answer.statusCode, 201)
})

t.test('a rotation makes the tokens of a user worth nothing, and nothing else', async t => {
  const { credentials } = await register('gus')
  const [before, other] = [await signIn(credentials), await signIn(OTHER_USER)]
  isProblem(t, await ask('POST', '/users/me/security/rotation'), 401)
  const rotated = await ask('POST', '/users/me/security/rotation', { token: before.token })
  t.strictSame([rotated.statusCode, rotated.json()], [200, { version: 2 }])
  isProblem(t, await ask('GET', '/accounts', { token: before.token }), 401)
  isProblem(t, await ask('POST', '/tokens', {}, { refreshToken: before.refreshToken }), 401)
  t.equal((await ask('GET', '/accounts', { cookie: before.cookie })).statusCode, 200, 'a browser stays signed in')
  t.equal((await ask('GET', '/accounts', { token: other.token })).statusCode, 200)
  t.equal((await ask('POST', '/tokens', {}, { refreshToken: other.refreshToken })).statusCode, 201)
  t.equal((await ask('GET', '/accounts', await signIn(credentials))).statusCode, 200, 'who signs in again gets another')
})

t.test('an admin makes the tokens of everybody worth nothing', async t => {
  const [admin, other] = [await signIn(ADMIN), await signIn(OTHER_USER)]
  isProblem(t, await ask('POST', '/admin/security/rotation'), 401)
  isProblem(t, await ask('POST', '/admin/security/rotation', { token: other.token }), 403)
  const rotated = await ask('POST', '/admin/security/rotation', { token: admin.token })
  t.strictSame([rotated.statusCode, rotated.json()], [200, { version: 2 }])
  for (const { token } of [admin, other]) isProblem(t, await ask('GET', '/accounts', { token }), 401)
  t.equal((await ask('GET', '/accounts', await signIn(OTHER_USER))).statusCode, 200)
})

t.test('what happens is counted', async t => {
  await sleep(10)
  const { body } = await app.inject('/metrics')
  for (const line of [
    /^dashtam_session_events_total\{event="created"\} [1-9]/m,
    /^dashtam_session_events_total\{event="revoked"\} [1-9]/m,
    /^dashtam_security_config_events_total\{event="rotated"\} 2$/m,
    /^dashtam_rate_limit_decisions_total\{result="refused",source="\w+"\} [1-9]/m,
    /^dashtam_cache_reads_total\{namespace="session",result="hit",tier="memory"\} [1-9]/m,
    /^dashtam_cache_reads_total\{namespace="authorization",result="hit",tier="memory"\} [1-9]/m
  ]) {
    t.match(body, line)
  }
  t.equal((await clientOf(app, (await signIn(DEMO_USER)).token).list()).statusCode, 200)
})
