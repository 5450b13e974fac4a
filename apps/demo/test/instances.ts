import { setTimeout as sleep } from 'node:timers/promises'
import { startBrokerage } from '@dashtam/brokerage'
import { createTestDatabase, randomPrefix, startFaultProxy, startRedis, until } from '@dashtam/testkit'
import { Client as Sql } from 'pg'
import t from 'tap'
import { walkToBrokerage } from '../scripts/tour/walk-to-brokerage.ts'
import {
  ADMIN,
  type Answer,
  accountsOf,
  type Client,
  clientOf,
  DEMO_USER,
  OTHER_USER,
  send,
  signIn
} from './fixtures/demo.ts'
import { openRelay } from './fixtures/relay.ts'
import { runDemo } from './fixtures/run-demo.ts'

t.setTimeout(120_000)

/** What a busy machine may add to any of these. */
const STALL_MS = 1_000
/** How long a change may go unnoticed by another instance: the heartbeat. */
const LAG_MS = 1_000 + STALL_MS
/** How long an instance may take to tell what it could not, once Redis is back. */
const DELIVERY_MS = 2_000 + STALL_MS
/** Asks for a strong read. */
const NO_CACHE = { 'cache-control': 'no-cache' }

const redis = await startRedis()
t.teardown(() => redis.stop())
const database = await createTestDatabase()
t.teardown(() => database.drop())
const wayToB = await startFaultProxy(redis.url)
t.teardown(() => wayToB.stop())
const relay = await openRelay(database.url)
t.teardown(() => relay.stop())
const brokerage = await startBrokerage()
t.teardown(() => brokerage.close())
const environment = { DATABASE_URL: relay.url, CACHE_KEY_PREFIX: randomPrefix(), BROKERAGE_URL: brokerage.url }
/** A process of its own: it shares nothing with another but the two servers. */
const start = (redisUrl = redis.url) => {
  const demo = runDemo({ ...environment, REDIS_URL: redisUrl })
  t.teardown(() => demo.process.kill('SIGKILL'))
  return demo
}
const [a, b] = [start(), start(wayToB.url)]
const [addressA, addressB] = await Promise.all([a.address, b.address])
const token = await signIn(addressA)
const [atA, atB] = [clientOf(addressA, token), clientOf(addressB, token)]
const [ours] = await accountsOf(atA)
const id = String(ours?.id)

async function connect(): Promise<Sql> {
  const client = new Sql(database.url)
  await client.connect()
  t.teardown(() => client.end())
  return client
}
const sql = await connect()
const locker = await connect()

/** Runs `use` while the test holds a lock. */
async function whileLocked(lock: string, use: () => Promise<void>): Promise<void> {
  await locker.query('begin')
  try {
    await locker.query(lock)
    await use()
  } finally {
    await locker.query('commit')
  }
}

/** How many queries wait for the lock. */
async function waiting(): Promise<number> {
  const { rows } = await sql.query(
    "select count(*)::integer as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
  )
  return rows[0].count
}

/** Where Redis has an account, as the user who is signed in sees it. */
async function slotOf(accountId: string): Promise<string> {
  const { rows } = await sql.query('select id from users where email = $1', [DEMO_USER.email])
  return `${environment.CACHE_KEY_PREFIX}:~s:user:${rows[0].id}:account:${accountId}`
}

function post(address: string, path: string, body: object): Promise<Answer> {
  const headers = { 'content-type': 'application/json' }
  return send(address, { method: 'POST', url: `/api/v1${path}`, headers, body: JSON.stringify(body) })
}

async function nameAt(client: Client, headers = {}): Promise<string> {
  return (await client.get(id, headers)).json().name
}

async function nameInListAt(client: Client, headers = {}): Promise<string> {
  return (await client.list(headers)).json().accounts[0].name
}

function isHit({ headers }: Answer): boolean {
  return headers['cache-status'] === 'dashtam; hit'
}

/** How long it takes until the new name is seen, alone and in the list. */
async function lagOf(client: Client, name: string): Promise<number> {
  const started = performance.now()
  await until(`the name is ${name}`, async () => (await nameAt(client)) === name)
  await until(`the name is ${name} in the list`, async () => (await nameInListAt(client)) === name)
  return performance.now() - started
}

t.test('instances that start together on an empty database fill it once', async t => {
  for (const [table, count] of [
    ['users', 501],
    ['accounts', 5_000],
    ['transactions', 100_000]
  ] as const) {
    const { rows } = await sql.query(`select count(*)::integer as count from ${table}`)
    t.equal(rows[0].count, count, table)
  }
  const { rows } = await sql.query('select count(distinct password_hash)::integer as hashes from users')
  t.equal(rows[0].hashes, 2, 'that of the admin is another one')
})

t.test('GET /accounts of one instance is served from what another one cached', async t => {
  const list = await atB.list()
  t.equal(list.statusCode, 200, 'it accepts the tokens of another')
  t.equal(list.headers['cache-status'], 'dashtam; hit')
  t.strictSame(list.json(), (await atA.list()).json())
})

t.test('GET loads once for all instances, however many requests each of them has', async t => {
  const others = [addressA, addressB]
  const otherToken = await signIn(addressA, OTHER_USER)
  const clients = others.flatMap(address => Array.from({ length: 20 }, () => clientOf(address, otherToken)))
  const { rows } = await sql.query(
    'select accounts.id from accounts join users on users.id = user_id where email = $1 limit 1',
    [OTHER_USER.email]
  )
  for (const read of [(client: Client) => client.list(), (client: Client) => client.get(rows[0].id)]) {
    let answers: Promise<Answer[]> = Promise.resolve([])
    await whileLocked('lock table accounts in access exclusive mode', async () => {
      answers = Promise.all(clients.map(read))
      await until('a load is under way', async () => (await waiting()) > 0)
      // Long enough for a second one to appear.
      await sleep(200)
      t.equal(await waiting(), 1)
    })
    const statuses = (await answers).map(({ headers }) => headers['cache-status'])
    t.equal(statuses.filter(status => status === 'dashtam; fwd=miss').length, 1, 'one of them has loaded')
    t.ok(statuses.includes('dashtam; fwd=miss; collapsed'))
    t.equal(new Set((await answers).map(({ body }) => body)).size, 1)
  }
})

t.test('GET loads anew what another version has cached', async t => {
  const account = (await accountsOf(atA)).at(-1)
  const accountId = String(account?.id)
  const key = await slotOf(accountId)
  const isCachedWith = async (property: string) => (await redis.cli('GET', key)).includes(`"${property}"`)
  await atA.get(accountId)
  await until('it is cached', () => isCachedWith('currency'))
  const script =
    "return redis.call('SET', KEYS[1], (redis.call('GET', KEYS[1]):gsub('currency', 'monetary')), 'KEEPTTL')"
  await redis.cli('EVAL', script, '1', key)
  t.ok(await isCachedWith('monetary'))
  const read = await atB.get(accountId)
  t.equal(read.headers['cache-status'], 'dashtam; fwd=miss')
  t.strictSame(read.json(), account)
  await until('it is replaced', () => isCachedWith('currency'))
})

t.test('GET does not cache that an account is not there', async t => {
  const nowhere = '00000000-0000-4000-8000-000000000000'
  t.equal((await atA.get(nowhere)).statusCode, 404)
  // The lease goes a moment after the answer.
  await until('nothing is stored', async () => (await redis.cli('EXISTS', await slotOf(nowhere))) === '0')
})

t.test('a session that ends at one instance has ended at the other', async t => {
  const cookieOf = async (address: string) => {
    const signedIn = await post(address, '/sessions', OTHER_USER)
    return { cookie: String(signedIn.headers['set-cookie']).split(';')[0] ?? '', ...signedIn.json() }
  }
  const get = (address: string, cookie: string, path = '/accounts') =>
    send(address, { url: `/api/v1${path}`, headers: { cookie } })
  for (const path of ['/sessions', undefined]) {
    const [one, other] = [await cookieOf(addressA), await cookieOf(addressA)]
    t.equal((await get(addressB, one.cookie)).statusCode, 200, 'what one has begun the other knows')
    const url = `/api/v1${path ?? `/sessions/${one.sessionId}`}`
    t.equal((await send(addressA, { method: 'DELETE', url, headers: { cookie: other.cookie } })).statusCode, 204)
    t.equal((await get(addressB, one.cookie, '/sessions')).statusCode, 401, 'where it is asked strongly, at once')
    const refreshed = await post(addressB, '/tokens', { refreshToken: one.refreshToken })
    t.equal(refreshed.statusCode, 401)
    const started = performance.now()
    await until('an ordinary request is refused', async () => (await get(addressB, one.cookie)).statusCode === 401)
    t.ok(performance.now() - started < LAG_MS)
  }
})

t.test('a role that is given at one instance counts at the other at once', async t => {
  const [admin, user] = await Promise.all([signIn(addressA, ADMIN), signIn(addressB, OTHER_USER)])
  const { rows } = await sql.query('select id from users where email = $1', [OTHER_USER.email])
  for (const roles of [['auditor'], [], ['auditor'], []]) {
    const headers = { authorization: `Bearer ${admin}`, 'content-type': 'application/json' }
    const url = `/api/v1/admin/users/${rows[0].id}/roles`
    await send(addressA, { method: 'PUT', url, headers, body: JSON.stringify({ roles }) })
    const listed = await send(addressB, { url: '/api/v1/admin/users', headers: { authorization: `Bearer ${user}` } })
    t.equal(listed.statusCode, roles.length > 0 ? 200 : 403)
  }
})

t.test('what is connected, synced and disconnected at one instance is so at the other', async t => {
  const headers = { authorization: `Bearer ${await signIn(addressA, OTHER_USER)}` }
  const strong = { ...headers, ...NO_CACHE }
  const begun = await send(addressA, {
    method: 'POST',
    url: '/api/v1/connections',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ provider: 'brokerage', alias: 'Shared' })
  })
  const cookie = String(begun.headers['set-cookie']).split(';')[0] ?? ''
  const listed = async (address: string, from = headers) =>
    (await send(address, { url: '/api/v1/connections', headers: from })).json().connections
  const accountsAt = async (address: string, from = headers) =>
    (await send(address, { url: '/api/v1/accounts', headers: from })).json().accounts
  t.strictSame(await listed(addressB), [])
  const before = await accountsAt(addressB)

  const { pathname, search } = new URL(await walkToBrokerage(begun.json().authorizationUrl))
  const back = await send(addressA, { url: pathname + search, headers: { cookie } })
  t.equal(back.statusCode, 200)
  const { id } = back.json()
  t.match(await listed(addressB, strong), [{ id, syncedAt: null }])
  await until('it is listed', async () => (await listed(addressB)).length === 1)

  t.equal((await send(addressB, { method: 'POST', url: `/api/v1/connections/${id}/sync`, headers })).statusCode, 200)
  const synced = await accountsAt(addressA, strong)
  t.ok(synced.length > before.length)
  await until('the accounts are there', async () => (await accountsAt(addressA)).length === synced.length)
  const { id: accountId } = synced.at(-1)
  const transactions = `/api/v1/accounts/${accountId}/transactions`
  for (const address of [addressA, addressB]) {
    t.equal((await send(address, { url: transactions, headers })).json().transactions.length, 20)
  }

  const ended = await send(addressA, { method: 'DELETE', url: `/api/v1/connections/${id}`, headers })
  t.equal(ended.statusCode, 204)
  t.strictSame(await listed(addressB, strong), [])
  t.equal((await accountsAt(addressB, strong)).length, before.length)
  t.equal((await send(addressB, { url: transactions, headers: strong })).statusCode, 404)
  const started = performance.now()
  await until('it is gone', async () => (await listed(addressB)).length === 0)
  t.ok(performance.now() - started < LAG_MS)
})

t.test('wrong sign-ins count wherever they are made', async t => {
  const wrong = { ...OTHER_USER, password: 'wrong' }
  const statuses: number[] = []
  for (let guess = 0; guess < 4; guess++) {
    const both = [addressA, addressB].map(address => post(address, '/sessions', wrong))
    for (const { statusCode } of await Promise.all(both)) statuses.push(statusCode)
  }
  t.equal(statuses.filter(status => status === 401).length, 5)
  t.equal(statuses.filter(status => status === 429).length, 3)
})

t.test('PATCH at one instance shows at the other: within the lag, and at once in a strong read', async t => {
  const lags: number[] = []
  /** When each round was acknowledged. */
  const acknowledged: number[] = []
  let isOver = false
  /** Reads until all is over: never the name from before a change that was to be seen by then. */
  const keepReading = async (client: Client, read: typeof nameAt, lagMs: number, headers = {}) => {
    let reads = 0
    let stale = 0
    while (!isOver) {
      const started = performance.now()
      const due = acknowledged.findLastIndex(at => at + lagMs < started)
      const name = await read(client, headers)
      if (due >= 0 && Number(name.replace('Round ', '')) < due) stale++
      reads++
      await sleep(2)
    }
    return { reads, stale }
  }
  const reading = [nameAt, nameInListAt].flatMap(read => [
    keepReading(atA, read, 0),
    keepReading(atB, read, LAG_MS),
    keepReading(atB, read, 0, NO_CACHE)
  ])
  try {
    for (let round = 0; round < 50; round++) {
      const name = `Round ${round}`
      await atA.rename(id, { name })
      acknowledged.push(performance.now())
      const strong = [nameAt(atB, NO_CACHE), nameInListAt(atB, NO_CACHE), nameAt(atA), nameInListAt(atA)]
      lags.push(await lagOf(atB, name))
      t.strictSame(new Set(await Promise.all(strong)), new Set([name]))
    }
  } finally {
    isOver = true
    await Promise.allSettled(reading)
  }
  for (const { reads, stale } of await Promise.all(reading)) t.equal(stale, 0, `of ${reads} reads`)
  lags.sort((one, other) => one - other)
  t.comment(`seen after ${lags[25]?.toFixed(1)} ms at the median, ${lags.at(-1)?.toFixed(1)} ms at most`)
  t.ok(lags.every(lag => lag < LAG_MS))
})

t.test('GET with no-cache shows what another instance has answered, however late the news of it', async t => {
  // Each answer of Redis for another time: what the limits say comes before the news in one round of two.
  wayToB.toClient.delay({ maxMs: 150 })
  let old = 0
  // A browser: for an access token each request asks Redis whether it was rotated, and hears of all else with the answer.
  const signedIn = await post(addressB, '/sessions', DEMO_USER)
  const cookie = String(signedIn.headers['set-cookie']).split(';')[0] ?? ''
  const nameForBrowser = async () =>
    (await send(addressB, { url: `/api/v1/accounts/${id}`, headers: { cookie } })).json().name
  const me = { url: '/api/v1/users/me', headers: { cookie, ...NO_CACHE } }
  const rename = { method: 'PATCH', headers: { cookie, 'content-type': 'application/json' } } as const
  for (let round = 0; round < 5 || (old === 0 && round < 30); round++) {
    const name = `Late ${round}`
    await until('it is cached', async () => isHit(await atB.get(id)))
    await atA.rename(id, { name })
    const body = JSON.stringify({ name: `Hal ${round}` })
    t.equal((await send(addressA, { ...me, ...rename, body })).statusCode, 200)
    const [ordinary, strong, own] = await Promise.all([nameForBrowser(), nameAt(atB, NO_CACHE), send(addressB, me)])
    if (ordinary !== name) old++
    t.strictSame([strong, own.json().name], [name, `Hal ${round}`])
  }
  wayToB.toClient.delay({ maxMs: 0 })
  t.ok(old > 0, 'an ordinary read does not wait for it')
})

t.test('no request fails or takes a second while Redis is frozen, stopped and back', async t => {
  const timed = async (request: Promise<Answer>) => {
    const started = performance.now()
    const answer = await request
    t.ok(performance.now() - started < 1_000, `took ${performance.now() - started} ms`)
    return answer
  }
  const use = async (name: string) => {
    const reads = [atA, atB].flatMap(client => [client.get(id), ...Array.from({ length: 20 }, () => client.list())])
    const answers = await Promise.all(reads.map(timed))
    answers.push(await timed(atA.rename(id, { name })), await timed(atA.list()))
    t.strictSame(new Set(answers.map(({ statusCode }) => statusCode)), new Set([200]), name)
    t.equal(answers.at(-1)?.json().accounts[0].name, name)
    return answers.at(-1)?.headers['cache-status']
  }
  const health = async (address: string) => (await send(address, { url: '/health' })).json()
  const untilHealthy = async () => {
    for (const address of [addressA, addressB]) {
      await until('it is healthy', async () => (await health(address)).status === 'healthy')
    }
  }

  await use('before')
  await redis.freeze()
  t.equal(await use('while frozen'), 'dashtam; fwd=miss')
  t.ok((await lagOf(atB, 'while frozen')) < LAG_MS)
  t.equal((await health(addressA)).cache, 'down')
  t.equal((await send(addressA, { url: '/health/ready' })).statusCode, 200)
  await redis.resume()
  await untilHealthy()
  t.equal(await nameInListAt(atA), 'while frozen')
  t.ok((await lagOf(atB, 'while frozen')) < DELIVERY_MS)
  await use('thawed')
  await redis.stop()
  t.equal(await use('while stopped'), 'dashtam; fwd=miss')
  t.ok((await lagOf(atB, 'while stopped')) < LAG_MS)
  await redis.restart()
  await untilHealthy()
  t.ok((await lagOf(atB, 'while stopped')) < DELIVERY_MS)
  await use('back')
  t.ok((await lagOf(atB, 'back')) < LAG_MS)
  for (const client of [atA, atB]) await until('it is cached again', async () => isHit(await client.list()))
})

t.test('without its database the service answers from the cache, and 503 where it cannot', async t => {
  await relay.stop()
  t.equal((await atA.list()).headers['cache-status'], 'dashtam; hit')
  const answers = [
    await atA.rename(id, { name: 'lost' }),
    await atA.get('00000000-0000-4000-8000-000000000000'),
    await send(addressA, {
      method: 'POST',
      url: '/api/v1/sessions',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(DEMO_USER)
    })
  ]
  for (const answer of answers) {
    t.equal(answer.statusCode, 503)
    t.equal(answer.headers['retry-after'], '1')
    t.strictSame(answer.json().detail, 'The database is unavailable.')
  }
  t.equal((await send(addressA, { url: '/health/ready' })).statusCode, 503)
  await relay.start()
  t.equal((await atA.rename(id, { name: 'found' })).statusCode, 200)
  t.equal((await send(addressA, { url: '/health/ready' })).statusCode, 200)
})

/** In place of the one that is killed. */
let later: ReturnType<typeof start> | undefined

t.test('PATCH shows at the other instance even if the first is killed before it can tell', async t => {
  await lagOf(atB, 'found')
  await until('it is cached', async () => isHit(await atB.get(id)))
  await whileLocked(`select from accounts where id = '${id}' for update`, async () => {
    const patching = atA.rename(id, { name: 'orphaned' }).catch(() => undefined)
    await until('the update waits', async () => (await waiting()) === 1)
    const meanwhile = await atB.get(id)
    t.match(meanwhile.json(), { name: 'found' })
    t.equal(meanwhile.headers['cache-status'], 'dashtam; fwd=miss', 'and is not cached')
    a.process.kill('SIGKILL')
    t.equal(await patching, undefined)
    await a.ended
  })
  // In good time for the test after this one.
  later = start()
  // PostgreSQL goes on with what it has been told.
  const committed = async () => (await sql.query('select name from accounts where id = $1', [id])).rows[0].name
  await until('the update is committed', async () => (await committed()) === 'orphaned')
  const names = new Set<string>()
  await until('the account is cached again', async () => {
    const answer = await atB.get(id)
    names.add(answer.json().name)
    return isHit(answer)
  })
  await until('the list is cached again', async () => {
    const answer = await atB.list()
    names.add(answer.json().accounts[0].name)
    return isHit(answer)
  })
  t.strictSame(names, new Set(['orphaned']))
})

t.test('an instance that starts later accepts the tokens of others, and has what they cached', async t => {
  const atLater = clientOf(await (later ?? start()).address, token)
  const list = await atLater.list()
  t.equal(list.statusCode, 200)
  t.equal(list.headers['cache-status'], 'dashtam; hit')
  t.equal(list.json().accounts[0].name, 'orphaned')
})

// The last: nobody's token is worth anything from then on.
t.test('a rotation at one instance is obeyed by the other at once', async t => {
  const addressLater = await (later ?? start()).address
  for (const [rotation, credentials] of [
    ['/users/me/security/rotation', OTHER_USER],
    ['/admin/security/rotation', ADMIN]
  ] as const) {
    const before = await signIn(addressB, credentials)
    t.equal((await clientOf(addressB, before).list()).statusCode, 200)
    const headers = { authorization: `Bearer ${await signIn(addressLater, credentials)}` }
    const rotated = await send(addressLater, { method: 'POST', url: `/api/v1${rotation}`, headers })
    t.equal(rotated.statusCode, 200)
    t.equal((await clientOf(addressB, before).list()).statusCode, 401)
  }
})
