// A provider, a database or a Redis that is not there.
import { createAccountsCache } from '@dashtam/accounts-cache'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { createReadThrough } from '@dashtam/cache-tiered'
import { startRedis, until } from '@dashtam/testkit'
import t from 'tap'
import { Bank } from './fixtures/bank.ts'
import { type Accounts, openFleet } from './fixtures/fleet.ts'

const keys = defineKeys({ prefix: 'app', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
const CONNECTION = { connectionId: 'c1' }
const PAGE = { userId: 'ann', accountId: 'a1', page: 1 }
const STRONG = { consistency: 'strong' } as const

interface Lifetimes {
  readonly ttlSeconds?: number
  readonly providerTtlSeconds?: number
}

/** A cache whose time passes when it is told to, and lifetimes that are not shortened at random. */
function open(lifetimes: Lifetimes = {}) {
  const bank = new Bank()
  let nowMs = 0
  const cache = createReadThrough({ keyspace: 'app', clock: () => nowMs, random: () => 0 })
  const pass = (seconds: number) => {
    nowMs += seconds * 1_000
  }
  return { bank, pass, accounts: createAccountsCache({ cache, keys, source: bank, ...lifetimes }) }
}

t.test('an error of the provider is told when nothing is known, and never cached', async t => {
  const { bank, accounts } = open()
  for (const message of ['the provider answered 500', 'the provider answered what is no list of accounts']) {
    bank.beforeResponse = () => Promise.reject(new Error(message))
    await t.rejects(accounts.providerAccounts(CONNECTION), { message })
    await t.rejects(accounts.providerAccounts(CONNECTION, STRONG), { message })
  }
  bank.beforeResponse = () => undefined
  t.match(await accounts.providerAccounts(CONNECTION), { value: { balance: 1 }, status: 'miss' })
  t.equal(bank.calls.responses, 5)
  t.equal(accounts.stats().provided, 1)
})

t.test('while the provider fails, the last response known is served, and no failure in its place', async t => {
  const { bank, pass, accounts } = open()
  await accounts.providerAccounts(CONNECTION)
  bank.response = { balance: 2 }
  bank.beforeResponse = () => Promise.reject(new Error('the provider answered 500'))
  const old = { balance: 1 }
  pass(299)
  t.match(await accounts.providerAccounts(CONNECTION), { value: old, status: 'hit' })
  pass(1)
  t.match(await accounts.providerAccounts(CONNECTION), { value: old, status: 'stale' })
  t.match(await accounts.providerAccounts(CONNECTION, STRONG), { value: old, status: 'stale' })
  pass(60)
  t.match(await accounts.providerAccounts(CONNECTION), { value: old, status: 'stale' }, 'when its time is long over')
  await t.rejects(accounts.providerAccounts(CONNECTION, STRONG), { message: 'the provider answered 500' })
  bank.beforeResponse = () => undefined
  t.match(await accounts.providerAccounts(CONNECTION), { value: { balance: 2 }, status: 'miss' })
})

t.test('a response of the past is not shown once the provider has said that there is none', async t => {
  const { bank, accounts } = open()
  await accounts.providerAccounts(CONNECTION)
  await accounts.change({ userId: 'ann', ...CONNECTION }, () => undefined)
  bank.response = null
  t.match(await accounts.providerAccounts(CONNECTION), { value: null, status: 'miss' })
  bank.beforeResponse = () => Promise.reject(new Error('the provider answered 500'))
  await t.rejects(accounts.providerAccounts(CONNECTION), { message: 'the provider answered 500' })
})

t.test('lists and pages live for as long as is said of them, and so do responses', async t => {
  const { bank, pass, accounts } = open({ ttlSeconds: 20, providerTtlSeconds: 10 })
  const statuses = async () => [
    (await accounts.list('ann')).status,
    (await accounts.transactions(PAGE))?.status,
    (await accounts.providerAccounts(CONNECTION)).status
  ]
  t.strictSame(await statuses(), ['miss', 'miss', 'miss'])
  pass(9)
  t.strictSame(await statuses(), ['hit', 'hit', 'hit'])
  bank.beforeResponse = () => Promise.reject(new Error('the provider answered 500'))
  pass(1)
  t.strictSame(await statuses(), ['hit', 'hit', 'stale'])
  pass(10)
  bank.beforeAnswer = () => Promise.reject(new Error('no database'))
  t.strictSame(await statuses(), ['stale', 'stale', 'stale'])
})

t.test('a provider that nobody waits for any more is told to stop', async t => {
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  const { bank, accounts } = open()
  bank.beforeResponse = ({ signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        resolve()
        reject(signal.reason)
      })
    })
  const controller = new AbortController()
  const read = accounts.providerAccounts(CONNECTION, { signal: controller.signal })
  await new Promise(setImmediate)
  controller.abort(new Error('the client has gone'))
  await t.rejects(read, { message: 'the client has gone' })
  await aborted
})

t.test('while the database is away, lists and pages are served for as long as they may be stale', async t => {
  const { bank, pass, accounts } = open()
  await accounts.transactions(PAGE)
  bank.beforeAnswer = () => Promise.reject(new Error('no database'))
  pass(359)
  t.match(await accounts.list('ann'), { value: [{ id: 'a1' }, { id: 'a2' }], status: 'stale' })
  t.match(await accounts.transactions(PAGE), { value: ['a1-1', 'a1-2'], status: 'stale' })
  pass(1)
  await t.rejects(accounts.list('ann'), { message: 'no database' })
  await t.rejects(accounts.transactions(PAGE), { message: 'no database' })
  await t.rejects(accounts.listFiltered('ann', { name: 'savings' }), { message: 'no database' })
})

t.test('without Redis the database and the provider answer, and a change is obeyed where it is made', async t => {
  await using server = await startRedis()
  const { bank, fleet } = await openFleet(t, [server.url])
  const [accounts] = fleet as [Accounts]
  await Promise.all([accounts.transactions(PAGE), accounts.providerAccounts(CONNECTION)])
  for (const trouble of ['freeze', 'stop'] as const) {
    await server[trouble]()
    const startedMs = performance.now()
    const changed = await accounts.change({ userId: 'ann', connectionId: 'c1' }, () => {
      bank.rename('a1', trouble)
      bank.transactions.set('a1', [trouble])
      bank.response = { balance: trouble.length }
    })
    t.match(changed.invalidation, { ok: false, error: { reason: 'pending' } }, trouble)
    t.match(await accounts.dropTransactions('a1'), { ok: false, error: { reason: 'pending' } })
    for (const options of [undefined, STRONG]) {
      t.equal((await accounts.list('ann', options)).value[0]?.name, trouble)
      t.strictSame((await accounts.transactions(PAGE, options))?.value, [trouble])
      t.equal(await accounts.transactions({ ...PAGE, userId: 'bob' }, options), undefined)
      t.strictSame((await accounts.providerAccounts(CONNECTION, options)).value, { balance: trouble.length })
    }
    bank.beforeResponse = () => Promise.reject(new Error('the provider answered 500'))
    // What was loaded without Redis is kept for a moment only; then the last response known is served.
    t.strictSame((await accounts.providerAccounts(CONNECTION)).value, { balance: trouble.length })
    await t.rejects(accounts.providerAccounts(CONNECTION, STRONG), { message: 'the provider answered 500' })
    bank.beforeResponse = () => undefined
    t.ok(performance.now() - startedMs < 5_000, 'nobody waits for long')
    await server.restart()
    const isBack = async () => (await accounts.list('ann')).status === 'hit'
    await until('Redis is used again', isBack)
  }
})

t.test('all pages of an account are dropped by one command', async t => {
  await using server = await startRedis()
  const { bank, fleet } = await openFleet(t, [server.url])
  const [accounts] = fleet as [Accounts]
  bank.transactions.set(
    'a1',
    Array.from({ length: 200 }, (_, index) => `transaction ${index}`)
  )
  const readPages = () =>
    Promise.all(Array.from({ length: 100 }, (_, index) => accounts.transactions({ ...PAGE, page: index + 1 })))
  // So that Redis has the script already.
  await accounts.dropTransactions('a2')
  await until('all are cached', async () => (await readPages()).every(page => page?.status === 'hit'))
  const { pages } = bank.calls
  await server.cli('config', 'resetstat')
  await accounts.dropTransactions('a1')
  const commands = await server.cli('info', 'commandstats')
  t.match(commands, /^cmdstat_evalsha:calls=1,/m)
  t.notMatch(commands, /^cmdstat_(?:del|unlink|scan|eval):/m)
  for (const page of await readPages()) t.equal(page?.status, 'miss')
  t.equal(bank.calls.pages, pages + 100)
})
