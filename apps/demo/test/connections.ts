import { setTimeout } from 'node:timers/promises'
import { type Brokerage, startBrokerage } from '@dashtam/brokerage'
import { createTestDatabase, until } from '@dashtam/testkit'
import { Kysely, PostgresDialect } from 'kysely'
import { Pool } from 'pg'
import t, { type Test } from 'tap'
import { walkToBrokerage } from '../scripts/tour/walk-to-brokerage.ts'
import { createAccountRepository } from '../src/infrastructure/database/account-repository.ts'
import type { Database } from '../src/infrastructure/database/schema.ts'
import { type Answer, DEMO_USER, OTHER_USER, openDemo, signIn } from './fixtures/demo.ts'

t.setTimeout(120_000)

const database = await createTestDatabase()
const brokerage: Brokerage = await startBrokerage()
const app = await openDemo({ DATABASE_URL: database.url, BROKERAGE_URL: brokerage.url })
t.teardown(async () => {
  await app.close()
  await brokerage.close()
  await database.drop()
})
const token = await signIn(app)
const otherToken = await signIn(app, OTHER_USER)
const NO_FAULTS = { latencyMs: 0, errorShare: 0, rateLimitPerMinute: 0, rubbishShare: 0, tokenErrorShare: 0 }
t.beforeEach(() => brokerage.setFaults(NO_FAULTS))

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

interface From {
  readonly token?: string
  readonly cookies?: Record<string, string>
  readonly headers?: Readonly<Record<string, string>>
}

function ask(method: Method, path: string, body?: object, { token: bearer = token, ...from }: From = {}) {
  const { cookies = {}, headers = {} } = from
  return app.inject({
    method,
    url: path.startsWith('/api') ? path : `/api/v1${path}`,
    headers: { ...(bearer !== '' && { authorization: `Bearer ${bearer}` }), ...headers },
    cookies,
    ...(body && { body })
  })
}

function isProblem(t: Test, answer: Answer, status: number, detail: RegExp = /./): void {
  t.equal(answer.statusCode, status)
  t.equal(answer.headers['content-type'], 'application/problem+json')
  t.match(answer.json(), { type: 'about:blank', status, detail })
  t.notMatch(answer.body, /stack|node_modules|select |\.ts|Bearer/, 'nothing of the inside')
}

async function begin(alias = 'My brokerage', bearer = token) {
  const begun = await ask('POST', '/connections', { provider: 'brokerage', alias }, { token: bearer })
  const cookies = Object.fromEntries(begun.cookies.map(({ name, value }) => [name, value]))
  return { authorizationUrl: begun.json().authorizationUrl as string, cookies }
}

/** Where the browser comes back to, as a path. */
async function allow(authorizationUrl: string, customer?: string): Promise<string> {
  const { pathname, search } = new URL(
    await walkToBrokerage(authorizationUrl, customer === undefined ? {} : { customer })
  )
  return pathname + search
}

async function connect(alias?: string, bearer = token, customer?: string): Promise<string> {
  const { authorizationUrl, cookies } = await begin(alias, bearer)
  const ended = await ask('GET', await allow(authorizationUrl, customer), undefined, { token: '', cookies })
  return ended.json().id
}

const statusOf = ({ headers }: Answer) => headers['cache-status']

t.test('a user connects, and sees what the brokerage tells', async t => {
  const { authorizationUrl, cookies } = await begin('Mine')
  t.match(authorizationUrl, brokerage.url)
  const ended = await ask('GET', await allow(authorizationUrl), undefined, { token: '', cookies })
  t.equal(ended.statusCode, 200)
  const { id, ...connection } = ended.json()
  t.match(connection, { provider: 'brokerage', alias: 'Mine', status: 'connected', syncedAt: null })
  t.match((await ask('GET', '/connections')).json(), { connections: [{ id, alias: 'Mine' }] })
  const [cold, warm] = [await ask('GET', `/connections/${id}`), await ask('GET', `/connections/${id}`)]
  t.strictSame([cold, warm].map(statusOf), ['dashtam; fwd=miss', 'dashtam; hit'])
  t.ok(cold.json().accounts.length >= 3)
  t.strictSame(cold.json(), warm.json())
  const { rows } = await query('select refresh_token from connections where id = $1', [id])
  t.ok(rows[0].refresh_token.length > 40, 'a token')
  await ask('DELETE', `/connections/${id}`)
})

t.test('a page ends it for a browser', async t => {
  const { authorizationUrl, cookies } = await begin('<b>Mine</b>')
  const headers = { accept: 'text/html,application/xhtml+xml' }
  const path = await allow(authorizationUrl)
  const page = await ask('GET', path, undefined, { token: '', cookies, headers })
  t.equal(page.statusCode, 200)
  t.match(page.headers['content-type'], /^text\/html/)
  t.match(page.body, '&lt;b&gt;Mine&lt;/b&gt; is connected.')
  const again = await ask('GET', path, undefined, { token: '', cookies, headers })
  t.equal(again.statusCode, 400)
  t.match(again.body, 'It is not connected.')
  for (const { id } of (await ask('GET', '/connections')).json().connections) await ask('DELETE', `/connections/${id}`)
})

t.test('the callback takes no state that is not of this browser, nor one twice', async t => {
  const { authorizationUrl, cookies } = await begin()
  const path = await allow(authorizationUrl)
  isProblem(t, await ask('GET', '/connections/callback', undefined, { token: '' }), 400)
  isProblem(t, await ask('GET', '/connections/callback?state=forged&code=x', undefined, { token: '', cookies }), 400)
  isProblem(t, await ask('GET', path, undefined, { token: '' }), 400)
  isProblem(t, await ask('GET', path, undefined, { token: '', cookies }), 400)
  const other = await begin()
  const denied = await walkToBrokerage(other.authorizationUrl, { refuses: true })
  const { pathname, search } = new URL(denied)
  isProblem(t, await ask('GET', pathname + search, undefined, { token: '', cookies: other.cookies }), 403)
  const third = await begin()
  const forged = (await allow(third.authorizationUrl)).replace(/code=[^&]+/, 'code=forged')
  isProblem(t, await ask('GET', forged, undefined, { token: '', cookies: third.cookies }), 502)
  t.strictSame((await ask('GET', '/connections')).json().connections, [])
})

t.test('a sync takes accounts over, and everything that was cached follows', async t => {
  const before = (await ask('GET', '/accounts')).json().accounts
  const id = await connect()
  t.equal((await ask('GET', '/accounts')).json().accounts.length, before.length, 'nothing before a sync')
  const synced = await ask('POST', `/connections/${id}/sync`)
  t.equal(synced.statusCode, 200)
  t.ok(Date.parse(synced.json().syncedAt) > 0)
  t.match((await ask('GET', `/connections/${id}`)).json(), { syncedAt: synced.json().syncedAt })
  const accounts = (await ask('GET', '/accounts')).json().accounts
  const theirs = accounts.filter(({ connectionId }: { connectionId: string }) => connectionId === id)
  t.ok(theirs.length >= 3)
  t.equal(accounts.length, before.length + theirs.length)
  const filtered = await ask('GET', `/accounts?connectionId=${id.toUpperCase()}`)
  t.strictSame([filtered.json().accounts, statusOf(filtered)], [theirs, 'dashtam; fwd=bypass'])
  const types = (await ask('GET', '/accounts?type=savings')).json().accounts
  t.ok(types.length > 0)
  t.ok(types.every(({ type }: { type: string }) => type === 'savings'))

  const first = theirs[0].id
  await ask('PATCH', `/accounts/${first}`, { name: 'Renamed' })
  await ask('POST', `/connections/${id}/sync`)
  t.match(
    (await ask('GET', `/accounts/${first}`)).json(),
    { name: 'Renamed' },
    'the same account, and its name is ours'
  )

  t.equal((await ask('DELETE', `/connections/${id}`)).statusCode, 204)
  t.strictSame((await ask('GET', '/accounts')).json().accounts, before)
  isProblem(t, await ask('GET', `/accounts/${first}`), 404)
  isProblem(t, await ask('GET', `/accounts/${first}/transactions`), 404)
  isProblem(t, await ask('POST', `/connections/${id}/sync`), 404)
  isProblem(t, await ask('DELETE', `/connections/${id}`), 404)
})

t.test('of two syncs the one that has asked last counts, whichever ends last', async t => {
  const id = await connect()
  await ask('POST', `/connections/${id}/sync`)
  const pool = new Pool({ connectionString: database.url })
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
  t.teardown(() => db.destroy())
  const repository = createAccountRepository(db)
  const account = { id: 'a', name: 'A', type: 'checking', currency: 'USD' } as const
  const [early, late] = [await repository.now(), await repository.now()]
  const tell = (askedAt: Date, balance: string) =>
    repository.replaceOfConnection(id, { accounts: [{ ...account, balance }], askedAt })
  t.match(await tell(new Date(late.getTime() + 1), '2.00'), { id })
  t.match(await tell(early, '1.00'), { id, syncedAt: new Date(late.getTime() + 1).toISOString() })
  const { accounts } = (await ask('GET', `/accounts?connectionId=${id}`)).json()
  t.match(accounts, [{ balance: '2.00' }])
  await ask('DELETE', `/connections/${id}`)
  t.equal(await tell(late, '3.00'), undefined)
})

t.test('whoever disconnects during a sync ends it, and it is a connection no more', async t => {
  const id = await connect()
  brokerage.setFaults({ ...NO_FAULTS, latencyMs: 100 })
  const syncs = Array.from({ length: 10 }, () => ask('POST', `/connections/${id}/sync`))
  await until('they are under way', async () => brokerage.calls.accounts > 0)
  t.equal((await ask('DELETE', `/connections/${id}`)).statusCode, 204)
  for (const answer of await Promise.all(syncs)) isProblem(t, answer, 404)
  t.strictSame((await ask('GET', `/accounts?connectionId=${id}`)).json().accounts, [])
  t.strictSame((await ask('GET', '/connections')).json().connections, [])
})

t.test('transactions come page by page, from the brokerage or the database', async t => {
  const id = await connect()
  await ask('POST', `/connections/${id}/sync`)
  const [account] = (await ask('GET', `/accounts?connectionId=${id}`)).json().accounts
  const { transactions: calls } = brokerage.calls
  const seen: string[] = []
  let pages = 0
  for (let page = 1; ; page++) {
    const path = `/accounts/${account.id}/transactions?page=${page}`
    const cold = await ask('GET', path)
    const { transactions } = cold.json()
    if (transactions.length === 0) break
    pages++
    t.strictSame([cold, await ask('GET', path)].map(statusOf), ['dashtam; fwd=miss', 'dashtam; hit'])
    seen.push(...transactions.map(({ id }: { id: string }) => id))
  }
  t.ok(pages >= 3)
  t.equal(new Set(seen).size, seen.length)
  t.equal(brokerage.calls.transactions - calls, pages + 1)
  await ask('POST', `/connections/${id}/sync`)
  t.equal(statusOf(await ask('GET', `/accounts/${account.id}/transactions`)), 'dashtam; fwd=miss', 'a sync drops them')

  const [own] = (await ask('GET', '/accounts')).json().accounts
  const first = await ask('GET', `/accounts/${own.id}/transactions`)
  t.equal(first.json().transactions.length, 20)
  t.match(first.json().transactions[0], { occurredOn: /^20\d\d-\d\d-\d\d$/, amount: /^-?\d+\.\d\d$/ })
  t.strictSame((await ask('GET', `/accounts/${own.id}/transactions?page=2`)).json(), { transactions: [], page: 2 })
  for (const page of ['0', '-1', '1.5', 'x', '1e3', '1234567']) {
    isProblem(t, await ask('GET', `/accounts/${own.id}/transactions?page=${page}`), 400)
  }
  await ask('DELETE', `/connections/${id}`)
})

t.test('nobody sees or ends what is somebody else’s', async t => {
  const id = await connect()
  await ask('POST', `/connections/${id}/sync`)
  const [account] = (await ask('GET', `/accounts?connectionId=${id}`)).json().accounts
  await ask('GET', `/accounts/${account.id}/transactions`)
  const stranger = { token: otherToken }
  t.strictSame((await ask('GET', '/connections', undefined, stranger)).json().connections, [])
  isProblem(t, await ask('GET', `/connections/${id}`, undefined, stranger), 404)
  isProblem(t, await ask('POST', `/connections/${id}/sync`, undefined, stranger), 404)
  isProblem(t, await ask('DELETE', `/connections/${id}`, undefined, stranger), 404)
  isProblem(t, await ask('GET', `/accounts/${account.id}/transactions`, undefined, stranger), 404)
  t.strictSame((await ask('GET', `/accounts?connectionId=${id}`, undefined, stranger)).json().accounts, [])
  for (const [method, path] of [
    ['POST', '/connections'],
    ['GET', '/connections'],
    ['GET', `/connections/${id}`],
    ['POST', `/connections/${id}/sync`],
    ['DELETE', `/connections/${id}`],
    ['GET', `/accounts/${account.id}/transactions`]
  ] as const) {
    isProblem(t, await ask(method, path, undefined, { token: '' }), 401)
  }
  for (const body of [
    {},
    { provider: 'bank', alias: 'x' },
    { provider: 'brokerage', alias: '' },
    { provider: 'brokerage' }
  ]) {
    isProblem(t, await ask('POST', '/connections', body), 400)
  }
  isProblem(t, await ask('GET', '/connections/1%20or%201=1'), 400)
  isProblem(t, await ask('GET', '/accounts?type=gold'), 400)
  isProblem(t, await ask('GET', '/accounts?color=red'), 400)
  await ask('DELETE', `/connections/${id}`)
})

t.test('a brokerage that fails is named, and nothing wrong is cached', async t => {
  const id = await connect()
  await ask('POST', `/connections/${id}/sync`)
  const [account] = (await ask('GET', `/accounts?connectionId=${id}`)).json().accounts
  const page = `/accounts/${account.id}/transactions`
  const failures = [
    [{ errorShare: 1 }, 502, /^The brokerage has failed/],
    [{ rubbishShare: 1 }, 502, /^The brokerage answers what makes no sense/],
    [{ latencyMs: 5_000 }, 504, /^The brokerage does not answer in time/]
  ] as const
  for (const [faults, status, detail] of failures) {
    brokerage.setFaults({ ...NO_FAULTS, ...faults })
    const answers = await Promise.all([
      ask('POST', `/connections/${id}/sync`),
      ask('GET', page),
      ask('GET', `/connections/${id}`)
    ])
    isProblem(t, answers[0], status, detail)
    isProblem(t, answers[1], status, detail)
    t.equal(answers[2].statusCode, 200, 'the connection itself is ours to tell of')
    t.match(answers[2].json(), { id, status: 'connected', accounts: null, problem: { status, detail } })
  }
  brokerage.setFaults({ ...NO_FAULTS, rateLimitPerMinute: 1 })
  const limited = []
  for (let asks = 0; asks < 3; asks++) limited.push(await ask('POST', `/connections/${id}/sync`))
  const busy = limited.filter(({ statusCode }) => statusCode === 503)
  t.ok(busy.length >= 2)
  if (busy[0] !== undefined) isProblem(t, busy[0], 503, /asks us to wait/)
  t.ok(Number(busy[0]?.headers['retry-after']) >= 1)

  brokerage.setFaults(NO_FAULTS)
  t.equal((await ask('GET', page)).json().transactions.length, 20)
  t.ok((await ask('GET', `/connections/${id}`)).json().accounts.length >= 3)
  brokerage.setFaults({ ...NO_FAULTS, errorShare: 1 })
  t.equal((await ask('GET', page)).json().transactions.length, 20, 'what is cached goes on')
  t.ok((await ask('GET', `/connections/${id}`)).json().accounts.length >= 3)
  brokerage.setFaults(NO_FAULTS)
  await ask('DELETE', `/connections/${id}`)
})

t.test('what the brokerage has told is told on for a while when it fails, and said to be stale', async t => {
  const id = await connect()
  await ask('POST', `/connections/${id}/sync`)
  const [account] = (await ask('GET', `/accounts?connectionId=${id}`)).json().accounts
  const page = `/accounts/${account.id}/transactions`
  const lifetimes = { CACHE_TTL_PROVIDER: 0.5, CACHE_TTL_ACCOUNTS: 0.5 }
  const shortly = await openDemo({ DATABASE_URL: database.url, BROKERAGE_URL: brokerage.url }, { beyond: lifetimes })
  t.teardown(() => shortly.close())
  const headers = { authorization: `Bearer ${await signIn(shortly)}` }
  const askShortly = (path: string) => shortly.inject({ url: `/api/v1${path}`, headers })
  const [told, listed] = [await askShortly(`/connections/${id}`), await askShortly(page)]
  t.strictSame([told, listed].map(statusOf), ['dashtam; fwd=miss', 'dashtam; fwd=miss'])
  await setTimeout(600)
  for (const faults of [{ errorShare: 1 }, { rubbishShare: 1 }]) {
    brokerage.setFaults({ ...NO_FAULTS, ...faults })
    for (const [path, first] of [
      [`/connections/${id}`, told],
      [page, listed]
    ] as const) {
      const stale = await askShortly(path)
      t.equal(stale.statusCode, 200)
      t.equal(statusOf(stale), 'dashtam; hit; detail=stale')
      t.strictSame(stale.json(), first.json())
    }
  }
  brokerage.setFaults(NO_FAULTS)
  await ask('DELETE', `/connections/${id}`)
})

t.test('a read with no-cache shows nothing from before a sync, also when the brokerage fails after it', async t => {
  const id = await connect()
  const before = (await ask('GET', `/connections/${id}`)).json()
  await ask('POST', `/connections/${id}/sync`)
  brokerage.setFaults({ ...NO_FAULTS, errorShare: 1 })
  const strong = await ask('GET', `/connections/${id}`, undefined, { headers: { 'cache-control': 'no-cache' } })
  t.match(strong.json(), { accounts: null, problem: { status: 502 } })
  const ordinary = await ask('GET', `/connections/${id}`)
  t.strictSame([ordinary.json().accounts, statusOf(ordinary)], [before.accounts, 'dashtam; hit; detail=stale'])
  brokerage.setFaults(NO_FAULTS)
  await ask('DELETE', `/connections/${id}`)
})

t.test('a token endpoint that fails is told as what it is, and a brokerage at another address', async t => {
  brokerage.setFaults({ ...NO_FAULTS, tokenErrorShare: 1 })
  const { authorizationUrl, cookies } = await begin()
  const ended = await ask('GET', await allow(authorizationUrl), undefined, { token: '', cookies })
  isProblem(t, ended, 502, /^The brokerage has failed \(500\)\.$/)
  const url = brokerage.url.replace('127.0.0.1', 'localhost')
  const elsewhere = await openDemo({ DATABASE_URL: database.url, BROKERAGE_URL: url })
  t.teardown(() => elsewhere.close())
  const headers = { authorization: `Bearer ${await signIn(elsewhere)}` }
  const body = { provider: 'brokerage', alias: 'Mine' }
  const refused = await elsewhere.inject({ method: 'POST', url: '/api/v1/connections', headers, body })
  isProblem(t, refused, 502, /^The brokerage calls itself by another address than BROKERAGE_URL\.$/)
})

t.test('half of the calls may fail, and half of the answers be rubbish', async t => {
  const id = await connect()
  brokerage.setFaults({ ...NO_FAULTS, errorShare: 0.5, rubbishShare: 0.25 })
  const answers = []
  for (let asks = 0; asks < 30; asks++) answers.push(await ask('POST', `/connections/${id}/sync`))
  t.strictSame(new Set(answers.map(({ statusCode }) => statusCode)), new Set([200, 502]))
  const { accounts } = (await ask('GET', `/accounts?connectionId=${id}`)).json()
  t.ok(accounts.length >= 3)
  t.ok(accounts.every(({ balance }: { balance: string }) => /^-?\d+\.\d\d$/.test(balance)))
  brokerage.setFaults(NO_FAULTS)
  await ask('DELETE', `/connections/${id}`)
})

t.test('a connection that the brokerage has ended is expired, and can be made anew', async t => {
  const id = await connect()
  await brokerage.revokeAll()
  const told = (await ask('GET', `/connections/${id}`)).json()
  t.match(told, { status: 'expired', accounts: null, problem: { status: 502, detail: /Connect it again/ } })
  isProblem(t, await ask('POST', `/connections/${id}/sync`), 502, /Connect it again/)
  await until(
    'it is expired',
    async () => (await ask('GET', '/connections')).json().connections[0].status === 'expired'
  )
  await ask('DELETE', `/connections/${id}`)
  const next = await connect()
  t.equal((await ask('POST', `/connections/${next}/sync`)).statusCode, 200)
  await ask('DELETE', `/connections/${next}`)
})

t.test('a connection whose token cannot be read any more is expired, and can be ended', async t => {
  const id = await connect()
  await query("update connections set refresh_token = '\\x00' where id = $1", [id])
  await ask('POST', `/connections/${id}/sync`)
  brokerage.revokeAll()
  isProblem(t, await ask('POST', `/connections/${id}/sync`), 502, /cannot be read any more\. Connect it again/)
  t.match((await ask('GET', `/connections/${id}`)).json(), { status: 'expired', accounts: null })
  t.equal((await ask('DELETE', `/connections/${id}`)).statusCode, 204)
})

t.test('a token is refreshed once for many requests', async t => {
  const short = await startBrokerage({ accessTokenSeconds: 200 })
  t.teardown(() => short.close())
  const demo = await openDemo({ DATABASE_URL: database.url, BROKERAGE_URL: short.url, CACHE_KEY_PREFIX: 'short' })
  t.teardown(() => demo.close())
  const headers = { authorization: `Bearer ${await signIn(demo, DEMO_USER)}` }
  const begun = await demo.inject({
    method: 'POST',
    url: '/api/v1/connections',
    headers,
    body: { provider: 'brokerage', alias: 'Short' }
  })
  const cookies = Object.fromEntries(begun.cookies.map(({ name, value }) => [name, value]))
  const { id } = (await demo.inject({ url: await allow(begun.json().authorizationUrl), cookies })).json()
  const { tokens } = short.calls
  const sync = () => demo.inject({ method: 'POST', url: `/api/v1/connections/${id}/sync`, headers })
  const answers = await Promise.all(Array.from({ length: 8 }, sync))
  t.strictSame(new Set(answers.map(({ statusCode }) => statusCode)), new Set([200]))
  t.equal(
    short.calls.tokens - tokens,
    1,
    'it is about to expire, so that it is not cached; those at the same time share it'
  )
  t.equal((await sync()).statusCode, 200, 'and the next refresh token is there')
  t.equal(short.calls.tokens - tokens, 2)
})

async function query(text: string, values: unknown[]) {
  const { Client } = await import('pg')
  const client = new Client(database.url)
  await client.connect()
  try {
    return await client.query(text, values)
  } finally {
    await client.end()
  }
}
