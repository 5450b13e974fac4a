import { startBrokerage } from '@dashtam/brokerage'
import { createTestDatabase } from '@dashtam/testkit'
import { Client as Sql } from 'pg'
import t, { type Test } from 'tap'
import { walkToBrokerage } from '../scripts/tour/walk-to-brokerage.ts'
import { DEMO_USER, openDemo } from './fixtures/demo.ts'

t.setTimeout(120_000)

const USERS = 50
const REQUESTS = 1_000

const database = await createTestDatabase()
const brokerage = await startBrokerage()
const app = await openDemo({ DATABASE_URL: database.url, BROKERAGE_URL: brokerage.url })
t.teardown(async () => {
  await app.close()
  await brokerage.close()
  await database.drop()
})

interface Visitor {
  readonly headers: { readonly authorization: string }
  readonly refreshToken: string
  readonly connectionId: string
}

const visitors = await Promise.all((await someEmails()).map(open))

async function someEmails(): Promise<string[]> {
  const sql = new Sql(database.url)
  await sql.connect()
  try {
    const { rows } = await sql.query('select email from users where email like $1 limit $2', ['%2%', USERS])
    return rows.map(({ email }) => email)
  } finally {
    await sql.end()
  }
}

async function open(email: string): Promise<Visitor> {
  const body = { ...DEMO_USER, email }
  const signedIn = (await app.inject({ method: 'POST', url: '/api/v1/sessions', body })).json()
  const headers = { authorization: `Bearer ${signedIn.accessToken}` }
  const begun = await app.inject({
    method: 'POST',
    url: '/api/v1/connections',
    headers,
    body: { provider: 'brokerage', alias: 'Mine' }
  })
  const cookies = Object.fromEntries(begun.cookies.map(({ name, value }) => [name, value]))
  const back = new URL(await walkToBrokerage(begun.json().authorizationUrl))
  const { id } = (await app.inject({ url: back.pathname + back.search, cookies })).json()
  await app.inject({ method: 'POST', url: `/api/v1/connections/${id}/sync`, headers })
  return { headers, refreshToken: signedIn.refreshToken, connectionId: id }
}

async function counted(pattern: RegExp): Promise<number> {
  const { body } = await app.inject('/metrics')
  return [...body.matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0)
}

/** How much less the counts have grown than by one for each of so many requests, as a share. */
async function saved(
  t: Test,
  count: RegExp,
  ask: (visitor: Visitor) => Promise<{ statusCode: number }>
): Promise<number> {
  const before = await counted(count)
  const statuses = new Set<number>()
  for (let request = 0; request < REQUESTS; request += USERS) {
    // Each of them once, at the same time, and in turns.
    for (const { statusCode } of await Promise.all(visitors.map(ask))) statuses.add(statusCode)
  }
  t.equal(statuses.size, 1)
  t.ok(statuses.has(200) || statuses.has(201))
  const after = await counted(count)
  t.ok(after >= USERS, 'something is counted')
  return 1 - (after - before) / REQUESTS
}

t.test('1,000 requests of 50 users make a tenth of the calls to the provider', async t => {
  brokerage.setFaults({ latencyMs: 150 })
  const calls = /^dashtam_demo_provider_calls_total\{operation="accounts"\} (\d+)/gm
  const share = await saved(t, calls, ({ headers, connectionId }) => {
    return app.inject({ url: `/api/v1/connections/${connectionId}`, headers })
  })
  t.comment(`${(share * 100).toFixed(1)} % of the calls`)
  t.ok(share >= 0.9)
})

t.test('1,000 requests of 50 users make less than a third of the queries for accounts', async t => {
  const misses = /^dashtam_cache_reads_total\{namespace="accountsOfUser",result="miss"[^}]*\} (\d+)/gm
  const share = await saved(t, misses, ({ headers }) => app.inject({ url: '/api/v1/accounts', headers }))
  t.comment(`${(share * 100).toFixed(1)} % of the queries for accounts`)
  t.ok(share >= 0.7)
})

t.test('1,000 refreshes of 50 users make a tenth of the queries for security', async t => {
  const misses = /^dashtam_cache_reads_total\{namespace="security\w+",result="miss"[^}]*\} (\d+)/gm
  const share = await saved(t, misses, ({ refreshToken }) => {
    return app.inject({ method: 'POST', url: '/api/v1/tokens', body: { refreshToken } })
  })
  t.comment(`${(share * 100).toFixed(1)} % of the queries for security`)
  t.ok(share >= 0.9)
})
