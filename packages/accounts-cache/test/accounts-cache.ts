import { createAccountsCache } from '@dashtam/accounts-cache'
import { registerAccountsMetrics } from '@dashtam/accounts-cache/prometheus'
import { json } from '@dashtam/cache-codecs'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import type { ValueCodec } from '@dashtam/cache-protocol'
import { createReadThrough } from '@dashtam/cache-tiered'
import { sharedRedisUrl, startFaultProxy } from '@dashtam/testkit'
import { Registry } from 'prom-client'
import t from 'tap'
import { Bank } from './fixtures/bank.ts'
import { type Accounts, openFleet } from './fixtures/fleet.ts'

const keys = defineKeys({ prefix: 'app', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
const ACKNOWLEDGED = { ok: true, value: undefined }
const ANNS = { userId: 'ann', accountId: 'a1', page: 1 }

function open(options: { readonly ttlSeconds?: number; readonly codecs?: object } = {}) {
  const bank = new Bank()
  const cache = createReadThrough({ keyspace: 'app' })
  return { bank, cache, accounts: createAccountsCache({ cache, keys, source: bank, ...options }) }
}

t.test('the list of a user is loaded once, and told whence it is', async t => {
  const { bank, accounts } = open()
  const anns = bank.accounts.filter(({ owner }) => owner === 'ann')
  t.strictSame(await accounts.list('ann'), { value: anns, status: 'miss' })
  t.strictSame(await accounts.list('ann'), { value: anns, status: 'hit', tier: 'memory' })
  t.strictSame((await accounts.list('nobody')).value, [])
  await Promise.all(Array.from({ length: 100 }, () => accounts.list('bob')))
  t.equal(bank.calls.lists, 3, 'once for each user, however many ask')
})

t.test('a filtered list is never cached', async t => {
  const { bank, accounts } = open()
  const savings = { name: 'savings' }
  t.strictSame(await accounts.listFiltered('ann', savings), [bank.accounts[1]])
  bank.rename('a2', 'rainy days')
  t.strictSame(await accounts.listFiltered('ann', savings), [])
  t.equal((await accounts.list('ann')).value.length, 2, 'nor is it taken for the whole list')
  t.match(accounts.stats(), { listed: 1, bypassed: 2 })
})

t.test('a page is loaded once, and one that is empty is not cached', async t => {
  const { bank, accounts } = open()
  t.strictSame(await accounts.transactions(ANNS), { value: ['a1-1', 'a1-2'], status: 'miss' })
  t.strictSame(await accounts.transactions(ANNS), { value: ['a1-1', 'a1-2'], status: 'hit', tier: 'memory' })
  t.match(await accounts.transactions({ ...ANNS, page: 2 }), { value: ['a1-3'], status: 'miss' })
  t.equal(bank.calls.pages, 2)
  for (const page of [3, 3, 1_000_000, Number.MAX_SAFE_INTEGER]) {
    t.match(await accounts.transactions({ ...ANNS, page }), { value: [], status: 'miss' })
  }
  t.equal(bank.calls.pages, 6, 'there is no end of pages beyond the last one')
})

t.test('a page is an integer of at least 1, and nothing is asked for any other', async t => {
  const { bank, accounts } = open()
  for (const page of [0, -1, 1.5, Number.NaN, Infinity, 2 ** 53, '1', null, undefined, {}]) {
    await t.rejects(accounts.transactions({ ...ANNS, page } as never), {
      name: 'TypeError',
      message: `page must be an integer of at least 1, got ${typeof page === 'number' ? page : typeof page}`
    })
  }
  t.strictSame(bank.calls, { lists: 0, responses: 0, pages: 0 })
})

t.test('what a provider answers is kept as it was answered', async t => {
  const { bank, accounts } = open()
  const asked = await Promise.all(Array.from({ length: 50 }, () => accounts.providerAccounts({ connectionId: 'c1' })))
  for (const { value } of asked) t.strictSame(value, { balance: 1 })
  bank.response = { balance: 2 }
  t.match(await accounts.providerAccounts({ connectionId: 'c1' }), { value: { balance: 1 }, status: 'hit' })
  t.equal(bank.calls.responses, 1)
  t.match(await accounts.providerAccounts({ connectionId: 'c2' }), { value: { balance: 2 }, status: 'miss' })
})

t.test('a connection that is not there is not cached', async t => {
  const { bank, accounts } = open()
  bank.response = null
  t.match(await accounts.providerAccounts({ connectionId: 'c1' }), { value: null, status: 'miss' })
  bank.response = { balance: 1 }
  t.match(await accounts.providerAccounts({ connectionId: 'c1' }), { value: { balance: 1 }, status: 'miss' })
})

t.test('a rename drops the list, and neither pages nor responses', async t => {
  const { bank, accounts } = open()
  await readAll(accounts)
  const renamed = await accounts.change({ userId: 'ann', accountIds: [] }, () => {
    bank.rename('a1', 'daily')
    return 'renamed'
  })
  t.strictSame(renamed, { value: 'renamed', invalidation: ACKNOWLEDGED })
  t.strictSame(await readAll(accounts), { list: 'miss', others: 'hit', a1: 'hit', a2: 'hit', b1: 'hit', c1: 'hit' })
  t.equal((await accounts.list('ann')).value[0]?.name, 'daily')
})

t.test('a sync drops the list, the response, and the pages of what it has changed', async t => {
  const { accounts } = open()
  await readAll(accounts)
  await accounts.change({ userId: 'ann', connectionId: 'c1', accountIds: ['a2'] }, () => undefined)
  t.strictSame(await readAll(accounts), { list: 'miss', others: 'hit', a1: 'hit', a2: 'miss', b1: 'hit', c1: 'miss' })
  await accounts.change({ userId: 'ann', connectionId: 'c1' }, () => undefined)
  t.strictSame(
    await readAll(accounts),
    { list: 'miss', others: 'hit', a1: 'miss', a2: 'miss', b1: 'hit', c1: 'miss' },
    'all pages of the user, and nothing of another'
  )
  t.strictSame(await accounts.dropTransactions('a1'), ACKNOWLEDGED)
  t.strictSame(await readAll(accounts), { list: 'hit', others: 'hit', a1: 'miss', a2: 'hit', b1: 'hit', c1: 'hit' })
})

/** Reads all that there is, and tells how each was served. */
async function readAll(accounts: Accounts) {
  const pageOf = async (userId: string, accountId: string) =>
    (await accounts.transactions({ userId, accountId, page: 1 }))?.status
  return {
    list: (await accounts.list('ann')).status,
    others: (await accounts.list('bob')).status,
    a1: await pageOf('ann', 'a1'),
    a2: await pageOf('ann', 'a2'),
    b1: await pageOf('bob', 'b1'),
    c1: (await accounts.providerAccounts({ connectionId: 'c1' })).status
  }
}

t.test('a change that fails is told, and what was cached is loaded anew', async t => {
  const { accounts } = open()
  await readAll(accounts)
  await t.rejects(
    accounts.change({ userId: 'ann' }, () => Promise.reject(new Error('no database'))),
    { message: 'no database' }
  )
  t.match(await readAll(accounts), { list: 'miss', a1: 'miss', a2: 'miss', c1: 'hit' })
  t.equal(accounts.stats().changed, 0)
})

t.test('what was being loaded when a change came is not kept', async t => {
  const { bank, accounts } = open()
  // Who owns what is known, so that the loads of the pages are under way.
  await accounts.list('ann')
  const release = Promise.withResolvers<void>()
  bank.beforeAnswer = () => release.promise
  bank.beforeResponse = () => release.promise
  const page = accounts.transactions(ANNS)
  const response = accounts.providerAccounts({ connectionId: 'c1' })
  await new Promise(setImmediate)
  t.match(bank.calls, { responses: 1, pages: 1 })
  await accounts.change({ userId: 'ann', connectionId: 'c1' }, () => {
    bank.rename('a1', 'daily')
    bank.response = { balance: 2 }
    bank.transactions.set('a1', ['new'])
  })
  const list = accounts.list('ann')
  await new Promise(setImmediate)
  await accounts.change({ userId: 'ann' }, () => bank.rename('a1', 'weekly'))
  release.resolve()
  t.strictSame((await page)?.value, ['a1-1', 'a1-2'], 'it was asked for before')
  t.strictSame((await response).value, { balance: 1 })
  t.equal((await list).value[0]?.name, 'daily')
  t.strictSame((await accounts.transactions(ANNS))?.value, ['new'])
  t.strictSame((await accounts.providerAccounts({ connectionId: 'c1' })).value, { balance: 2 })
  t.equal((await accounts.list('ann')).value[0]?.name, 'weekly')
})

t.test('a sync that reads through the cache all the same is never handed an old response', async t => {
  const url = await sharedRedisUrl()
  const { bank, fleet } = await openFleet(t, [url, url])
  for (const accounts of fleet) await accounts.providerAccounts({ connectionId: 'c1' })
  bank.response = { balance: 2 }
  const [here, there] = fleet as [Accounts, Accounts]
  const strong = { consistency: 'strong' } as const
  await here.change({ userId: 'ann', connectionId: 'c1' }, async () => {
    t.match(await here.providerAccounts({ connectionId: 'c1' }), { value: { balance: 2 }, status: 'miss' })
    t.match(await there.providerAccounts({ connectionId: 'c1' }, strong), { value: { balance: 2 }, status: 'miss' })
    bank.beforeResponse = () => Promise.reject(new Error('503'))
    await t.rejects(here.providerAccounts({ connectionId: 'c1' }, strong), { message: '503' })
  })
})

t.test('a change in one process is obeyed by the others, at once by a strong read', async t => {
  const url = await sharedRedisUrl()
  const { bank, fleet } = await openFleet(t, [url, url])
  const [here, there] = fleet as [Accounts, Accounts]
  for (let round = 0; round < 5; round++) {
    for (const accounts of fleet) await readAll(accounts)
    await here.change({ userId: 'ann', connectionId: 'c1' }, () => {
      bank.rename('a1', `name ${round}`)
      bank.response = { balance: round }
      bank.transactions.set('a1', [`transaction ${round}`])
    })
    const read = async (options?: { consistency: 'strong' }) => [
      (await there.list('ann', options)).value[0]?.name,
      (await there.providerAccounts({ connectionId: 'c1' }, options)).value?.balance,
      (await there.transactions(ANNS, options))?.value[0]
    ]
    const expected = [`name ${round}`, round, `transaction ${round}`]
    if (round % 2 === 0) t.strictSame(await read({ consistency: 'strong' }), expected)
    const startedMs = performance.now()
    while (String(await read()) !== String(expected)) await new Promise(setImmediate)
    t.ok(performance.now() - startedMs < 1_000)
  }
})

t.test('a strong read obeys a change of another process, however late it hears of it', async t => {
  const url = await sharedRedisUrl()
  await using wire = await startFaultProxy(url, { seed: 7 })
  const { bank, fleet } = await openFleet(t, [url, wire.url])
  const [here, there] = fleet as [Accounts, Accounts]
  wire.toClient.delay({ minMs: 5, maxMs: 10 })
  const strong = { consistency: 'strong' } as const
  const reads: Readonly<Record<string, () => Promise<unknown>>> = {
    list: async () => (await there.list('ann', strong)).value[0]?.name,
    page: async () => (await there.transactions(ANNS, strong))?.value[0],
    created: async () => (await there.transactions({ ...ANNS, accountId: 'created' }, strong))?.value[0]
  }
  for (const [what, read] of Object.entries(reads)) {
    await readAll(there)
    await here.change({ userId: 'ann' }, () => {
      bank.rename('a1', what)
      bank.transactions.set('a1', [what])
      bank.accounts.push({ id: what, owner: 'ann', name: what })
      bank.transactions.set(what, [what])
    })
    t.equal(await read(), what)
  }
})

t.test('whoever goes gets nothing, and whoever has gone already asks for nothing', async t => {
  const { bank, accounts } = open()
  const options = { signal: AbortSignal.abort(new Error('gone')) }
  const gone = { message: 'gone' }
  await t.rejects(accounts.list('ann', options), gone)
  await t.rejects(accounts.transactions(ANNS, options), gone)
  await t.rejects(accounts.providerAccounts({ connectionId: 'c1' }, options), gone)
  t.strictSame(bank.calls, { lists: 0, responses: 0, pages: 0 })

  const controller = new AbortController()
  bank.beforeAnswer = what => {
    if (what === 'page') controller.abort(new Error('gone'))
    return new Promise(setImmediate)
  }
  await t.rejects(accounts.transactions(ANNS, { signal: controller.signal }), gone)
})

t.test('values are encoded as they are told to be', async t => {
  const encoded = new Set<string>()
  const told = <V>(name: string): ValueCodec<V> => {
    const codec = json<V>({ compression: false })
    return {
      encode: (value, context) => {
        encoded.add(name)
        return codec.encode(value, context)
      },
      decode: (bytes, context) => codec.decode(bytes, context)
    }
  }
  const codecs = { accounts: told('accounts'), provider: told('provider'), transactions: told('transactions') }
  await readAll(open({ codecs }).accounts)
  t.strictSame([...encoded].sort(), ['accounts', 'provider', 'transactions'])
})

t.test('what has happened is counted, and scraped', async t => {
  const { accounts } = open()
  const registry = new Registry()
  registerAccountsMetrics(accounts, { registry })
  await readAll(accounts)
  await accounts.listFiltered('ann', { name: 'savings' })
  await accounts.transactions({ ...ANNS, userId: 'bob' })
  await accounts.change({ userId: 'ann' }, () => undefined)
  await accounts.dropTransactions('a1')
  const stats = { listed: 2, bypassed: 1, provided: 1, paged: 3, refused: 1, changed: 1, dropped: 1 }
  t.strictSame(accounts.stats(), stats)
  const scrape = await registry.metrics()
  for (const [event, count] of Object.entries(stats)) {
    t.match(scrape, `dashtam_accounts_events_total{event="${event}"} ${count}`)
  }
})

t.test('wrong options and wrong ids are told', async t => {
  const cache = createReadThrough({ keyspace: 'app' })
  for (const missing of ['listAccounts', 'fetchProviderAccounts', 'listTransactions']) {
    const source = Object.assign(new Bank(), { [missing]: undefined })
    t.throws(() => createAccountsCache({ cache, keys, source }), {
      name: 'TypeError',
      message: `source must have the function ${missing}`
    })
  }
  const wrongs = [
    [{ source: undefined }, 'source must have the function listAccounts'],
    [{ cache: undefined }, 'cache must have the function family'],
    [{ keys: {} }, 'keys must have the function accountsOfUser'],
    [{ ttl: 1 }, /^unknown option 'ttl'; known are cache, /],
    [{ codecs: { account: json() } }, "unknown codec 'account'; known are accounts, provider, transactions"],
    [{ codecs: { accounts: null } }, 'codecs.accounts must have the function encode']
  ] as const
  for (const [options, message] of wrongs) {
    const given = { cache, keys, source: new Bank(), ...options } as never
    t.throws(() => createAccountsCache(given), { name: 'TypeError', message })
  }
  t.throws(() => open({ ttlSeconds: 0 }), { name: 'TypeError', message: /ttlSeconds/ })
  const { accounts } = open()
  const wrong = undefined as never
  await t.rejects(accounts.list(wrong), { name: 'TypeError' })
  await t.rejects(accounts.transactions({ ...ANNS, userId: wrong }), { name: 'TypeError' })
  await t.rejects(accounts.providerAccounts({ connectionId: wrong }), { name: 'TypeError' })
  await t.rejects(accounts.dropTransactions(wrong), { name: 'TypeError' })
  const neverCalled = () => t.fail('nothing is written')
  await t.rejects(accounts.change({ userId: wrong }, neverCalled), { name: 'TypeError' })
  await t.rejects(accounts.change({ userId: 'ann', accountIds: [wrong] }, neverCalled), { name: 'TypeError' })
})

t.test('a source that answers no array is named', async t => {
  const { bank, accounts } = open()
  bank.listAccounts = async () => null as never
  await t.rejects(accounts.list('ann'), new TypeError('source.listAccounts must answer an array, got null'))
  const other = open()
  other.bank.listTransactions = async () => undefined as never
  const message = 'source.listTransactions must answer an array, got undefined'
  await t.rejects(other.accounts.transactions(ANNS), new TypeError(message))
})

t.test('what else the app has cached about accounts goes with a change', async t => {
  const { cache, accounts } = open()
  let loads = 0
  const summary = () => cache.getOrLoad('app:summary', () => ++loads, { tags: ['accounts of ann'] })
  t.strictSame([await summary(), await summary()], [1, 1])
  await accounts.change({ userId: 'ann', accountIds: [] }, () => undefined)
  t.equal(await summary(), 1)
  await accounts.change({ userId: 'ann', accountIds: [], tags: ['accounts of ann'] }, () => undefined)
  t.equal(await summary(), 2)
})
