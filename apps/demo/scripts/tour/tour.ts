import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type Answer, Client } from './client.ts'
import { difference, type Reading, read, sourceOf } from './meter.ts'
import { walkToBrokerage } from './walk-to-brokerage.ts'

export interface TourOptions {
  /** Where the instances of one demo listen: one, or several behind one Redis and one database. */
  readonly addresses: readonly string[]
  /** Called before each step. */
  readonly onStep?: (step: string) => void | Promise<void>
}

interface Measured {
  /** The median, as is `readMs`. */
  readonly ms: number
  /** Of the read alone. */
  readonly readMs: number | undefined
  readonly source: string
  readonly database: number
  readonly provider: number
}

/** A step of the tour: its first request, and many like it. */
export interface Row {
  readonly step: string
  readonly cold: Measured
  readonly warm?: Measured & { readonly count: number }
}

/** Far fewer than a user may send in a minute, also to one that is without Redis. */
const WARM_REQUESTS = 10
/** So many wrong passwords a minute are told that they are wrong, by default. */
const MOST_GUESSES = 5
const ADMIN = { email: 'admin@dashtam.example', password: 'dashtam-admin' }

/** Walks through the whole demo as a client would. Rejects at the first thing that is not as it should be. */
export async function takeTour({ addresses, onStep = () => undefined }: TourOptions): Promise<Row[]> {
  const rows: Row[] = []
  /** The last one, so that whatever is done at the first is seen from another instance. */
  const elsewhere = addresses.length - 1
  const visitor = `visitor-${randomBytes(6).toString('hex')}`
  const credentials = { email: `${visitor}@dashtam.example`, password: `${visitor} has a password` }
  const client = new Client(addresses)

  async function measured(count: number, request: () => Promise<Answer>): Promise<[Measured, Answer]> {
    const before = await read(addresses)
    const times: number[] = []
    const reads: number[] = []
    let answer: Answer | undefined
    for (let index = 0; index < count; index++) {
      answer = await request()
      times.push(answer.ms)
      if (answer.readMs !== undefined) reads.push(answer.readMs)
    }
    assert(answer)
    const counted: Reading = difference(await read(addresses), before)
    const { database, provider } = counted
    const [ms = 0, readMs] = [median(times), median(reads)]
    return [{ ms, readMs, source: sourceOf(counted), database, provider }, answer]
  }

  /** Once. */
  async function step(name: string, status: number, request: () => Promise<Answer>): Promise<Answer> {
    await onStep(name)
    const [cold, answer] = await measured(1, request)
    assert.equal(answer.status, status, `${name}: ${JSON.stringify(answer.body)}`)
    rows.push({ step: name, cold })
    return answer
  }

  /** Once, and then again and again. */
  async function readTwice(name: string, request: () => Promise<Answer>): Promise<Answer> {
    await onStep(name)
    const [cold, first] = await measured(1, request)
    assert.equal(first.status, 200, `${name}: ${JSON.stringify(first.body)}`)
    const [warm, last] = await measured(WARM_REQUESTS, request)
    assert.equal(last.status, 200, `${name}: ${JSON.stringify(last.body)}`)
    assert.deepEqual(last.body, first.body, `${name}: it does not change`)
    rows.push({ step: name, cold, warm: { ...warm, count: WARM_REQUESTS } })
    return first
  }

  async function expectStatus(what: string, status: number, request: Promise<Answer>): Promise<void> {
    const { status: got, body } = await request
    assert.equal(got, status, `${what}: ${JSON.stringify(body)}`)
  }

  await step('register', 201, () => client.send('POST', '/users', { body: { ...credentials, name: visitor } }))
  const signedIn = await step('sign in', 201, () => client.send('POST', '/sessions', { body: credentials }))
  client.token = signedIn.body.accessToken
  const refreshed = await step('refresh the token', 201, () => {
    return client.send('POST', '/tokens', { body: { refreshToken: signedIn.body.refreshToken }, at: elsewhere })
  })
  client.token = refreshed.body.accessToken

  await readTwice('read the profile', () => client.get('/users/me'))
  const settings = { settings: { language: 'de' } }
  await step('change the settings', 200, () => client.send('PATCH', '/users/me', { body: settings }))

  const second = new Client(addresses)
  const other = await step('sign in from elsewhere', 201, () => second.send('POST', '/sessions', { body: credentials }))
  second.token = other.body.accessToken
  const listed = await step('list the sessions', 200, () => client.get('/sessions', { at: elsewhere }))
  assert.equal(listed.body.sessions.length, 2)
  await step('end that session', 204, () => client.send('DELETE', `/sessions/${other.body.sessionId}`))
  await expectStatus('its token', 401, second.get('/sessions', { at: elsewhere }))

  const stranger = new Client(addresses)
  // Somebody else's, who is not there: those of the visitor are not to be used up.
  const wrong = { email: `nobody-${credentials.email}`, password: 'a wrong password' }
  const guess = (at: number) => stranger.send('POST', '/sessions', { body: wrong, at })
  await step('guess the password', 401, () => guess(0))
  // Without Redis each instance allows a share of them, and counts anew.
  for (let guesses = 1, status = 401; guesses < MOST_GUESSES && status === 401; guesses++) {
    status = (await guess(guesses)).status
  }
  await step('guess once more', 429, () => guess(elsewhere))

  const begun = await step('begin to connect', 201, () => {
    return client.send('POST', '/connections', { body: { provider: 'brokerage', alias: 'My brokerage' } })
  })
  const callback = await walkToBrokerage(begun.body.authorizationUrl, { customer: visitor })
  const connected = await step('come back', 200, () => client.send('GET', callback))
  const { id } = connected.body
  await expectStatus('coming back twice', 400, client.send('GET', callback))
  await readTwice('list the connections', () => client.get('/connections'))
  const connection = await readTwice('read the connection', () => client.get(`/connections/${id}`))
  assert.ok(connection.body.accounts.length >= 3, 'the brokerage tells of accounts')

  await step('sync', 200, () => client.send('POST', `/connections/${id}/sync`))
  const { accounts } = (await readTwice('list the accounts', () => client.get('/accounts', { at: elsewhere }))).body
  assert.equal(accounts.length, connection.body.accounts.length)
  const [{ id: accountId, type }] = accounts
  const filtered = await step('list some accounts', 200, () => client.get(`/accounts?type=${type}&connectionId=${id}`))
  assert.equal(filtered.headers.get('cache-status'), 'dashtam; fwd=bypass')
  await readTwice('read an account', () => client.get(`/accounts/${accountId}`))
  const page = (number: number) => client.get(`/accounts/${accountId}/transactions?page=${number}`)
  const first = await readTwice('read transactions', () => page(1))
  const next = await readTwice('turn the page', () => page(2))
  assert.notEqual(first.body.transactions[0].id, next.body.transactions[0].id)
  await step('rename an account', 200, () => {
    return client.send('PATCH', `/accounts/${accountId}`, { body: { name: 'Renamed' }, at: elsewhere })
  })
  const fresh = { headers: { 'cache-control': 'no-cache' } }
  const renamed = await step('read it strongly', 200, () => client.get(`/accounts/${accountId}`, fresh))
  assert.equal(renamed.body.name, 'Renamed')
  await step('disconnect', 204, () => client.send('DELETE', `/connections/${id}`))
  const left = await client.get('/accounts', { ...fresh, at: elsewhere })
  assert.deepEqual(left.body.accounts, [], 'its accounts went with it')
  await expectStatus('what was connected', 404, client.get(`/connections/${id}`, { ...fresh, at: elsewhere }))

  const admin = new Client(addresses)
  const adminSignedIn = await step('sign in as admin', 201, () => admin.send('POST', '/sessions', { body: ADMIN }))
  admin.token = adminSignedIn.body.accessToken
  await expectStatus('what only admins see', 403, client.get('/admin/users', { at: elsewhere }))
  const { userId, users } = await findUser(admin, credentials.email)
  assert.ok(users > 0)
  await step('make somebody an auditor', 200, () => {
    return admin.send('PUT', `/admin/users/${userId}/roles`, { body: { roles: ['auditor'] } })
  })
  await step('look as auditor', 200, () => client.get('/admin/users?limit=1', { at: elsewhere }))
  await admin.send('PUT', `/admin/users/${userId}/roles`, { body: { roles: [] } })
  await expectStatus('an auditor no more', 403, client.get('/admin/users?limit=1', { at: elsewhere }))

  await step('rotate security', 200, () => client.send('POST', '/users/me/security/rotation'))
  const bare = new Client(addresses)
  bare.token = client.token
  await expectStatus('the token from before', 401, bare.get('/users/me', { at: elsewhere }))
  const again = await client.send('POST', '/sessions', { body: credentials })
  bare.token = again.body.accessToken
  await expectStatus('a token from after', 200, bare.get('/users/me', { at: elsewhere }))
  await step('rotate it for all', 200, () => admin.send('POST', '/admin/security/rotation', { at: elsewhere }))
  await expectStatus('the token from before', 401, bare.get('/users/me'))

  const last = await client.send('POST', '/sessions', { body: credentials })
  client.token = last.body.accessToken
  await step('end all sessions', 204, () => client.send('DELETE', '/sessions'))
  await expectStatus('a session that has ended', 401, client.get('/sessions', { at: elsewhere }))
  return rows
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}

async function findUser(admin: Client, email: string): Promise<{ userId: string; users: number }> {
  // From the address before it, alphabetically.
  const after = email.slice(0, email.indexOf('@'))
  const { body } = await admin.get(`/admin/users?limit=50&after=${encodeURIComponent(after)}`)
  const found = body.users.find((user: { email: string }) => user.email === email)
  assert.ok(found, `an admin finds ${email}`)
  return { userId: found.id, users: body.users.length }
}
