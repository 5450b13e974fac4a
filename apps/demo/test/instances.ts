import { setTimeout as sleep } from 'node:timers/promises'
import { createTestDatabase, randomPrefix, startRedis } from '@dashtam/testkit'
import { Client } from 'pg'
import t from 'tap'
import { accountsOf, clientOf, DEMO_USER, openDemo, signIn } from './fixtures/demo.ts'
import { openRelay } from './fixtures/relay.ts'

t.setTimeout(120_000)

const redis = await startRedis()
t.teardown(() => redis.stop())
const database = await createTestDatabase()
t.teardown(() => database.drop())
const relay = await openRelay(database.url)
t.teardown(() => relay.stop())
const environment = { DATABASE_URL: relay.url, REDIS_URL: redis.url, CACHE_KEY_PREFIX: randomPrefix() }
const [first, second, third] = await Promise.all([openDemo(environment), openDemo(environment), openDemo(environment)])
t.teardown(() => Promise.all([first.close(), second.close(), third.close()]))
const token = await signIn(first)

t.test('instances that start together on an empty database fill it once', async t => {
  const client = new Client(database.url)
  await client.connect()
  t.teardown(() => client.end())
  for (const [table, count] of [
    ['users', 500],
    ['accounts', 5_000],
    ['transactions', 100_000]
  ] as const) {
    const { rows } = await client.query(`select count(*)::integer as count from ${table}`)
    t.equal(rows[0].count, count, table)
  }
  const { rows } = await client.query('select count(distinct password_hash)::integer as hashes from users')
  t.equal(rows[0].hashes, 1)
})

t.test('an instance accepts the tokens of another', async t => {
  for (const app of [second, third]) t.equal((await clientOf(app, token).list()).statusCode, 200)
  const later = await openDemo(environment)
  t.teardown(() => later.close())
  t.equal((await clientOf(later, token).list()).statusCode, 200, 'also one that starts later')
})

t.test('GET /accounts of one instance is served from what another one cached', async t => {
  const list = await clientOf(second, token).list()
  t.equal(list.headers['cache-status'], 'dashtam; hit')
  t.strictSame(list.json(), (await clientOf(third, token).list()).json())
})

t.test('PATCH /accounts/{id} at one instance shows in the lists of all', async t => {
  const [account] = await accountsOf(clientOf(first, token))
  await clientOf(second, token).rename(String(account?.id), { name: 'Renamed elsewhere' })
  for (const app of [first, second, third]) {
    t.equal((await accountsOf(clientOf(app, token)))[0]?.name, 'Renamed elsewhere')
  }
})

t.test('no request fails or takes a second while Redis is frozen, stopped and back', async t => {
  const client = clientOf(first, token)
  const [account] = await accountsOf(client)
  const id = String(account?.id)
  const use = async (name: string) => {
    const started = performance.now()
    const responses = await Promise.all([
      client.list(),
      client.get(id),
      ...Array.from({ length: 20 }, () => client.list())
    ])
    responses.push(await client.rename(id, { name }), await client.list())
    t.strictSame(new Set(responses.map(({ statusCode }) => statusCode)), new Set([200]), name)
    t.equal(responses.at(-1)?.json().accounts[0].name, name)
    t.ok(performance.now() - started < 1_000, `took ${performance.now() - started} ms`)
    return responses.at(-1)?.headers['cache-status']
  }
  const untilHealthy = async (status: string) => {
    while ((await first.inject('/health')).json().status !== status) await sleep(20)
  }

  await use('before')
  await redis.freeze()
  t.equal(await use('while frozen'), 'dashtam; fwd=miss; detail=cache-error')
  t.equal((await first.inject('/health')).json().cache, 'down')
  t.equal((await first.inject('/health/ready')).statusCode, 200)
  await redis.resume()
  await untilHealthy('healthy')
  t.equal((await accountsOf(client))[0]?.name, 'while frozen')
  await use('thawed')
  await redis.stop()
  t.equal(await use('while stopped'), 'dashtam; fwd=miss; detail=cache-error')
  await redis.restart()
  await untilHealthy('healthy')
  await use('back')
  t.equal((await client.list()).headers['cache-status'], 'dashtam; hit')
})

t.test('without its database the service answers from the cache, and 503 where it cannot', async t => {
  const client = clientOf(first, token)
  const [account] = await accountsOf(client)
  await relay.stop()
  t.equal((await client.list()).headers['cache-status'], 'dashtam; hit')
  const answers = [
    await client.rename(String(account?.id), { name: 'lost' }),
    await client.get('00000000-0000-4000-8000-000000000000'),
    await first.inject({ method: 'POST', url: '/api/v1/sessions', body: DEMO_USER })
  ]
  for (const answer of answers) {
    t.equal(answer.statusCode, 503)
    t.equal(answer.headers['retry-after'], '1')
    t.strictSame(answer.json().detail, 'The database is unavailable.')
  }
  t.equal((await first.inject('/health/ready')).statusCode, 503)
  await relay.start()
  t.equal((await client.rename(String(account?.id), { name: 'found' })).statusCode, 200)
  t.equal((await first.inject('/health/ready')).statusCode, 200)
})
