// A page is kept under its account alone, and is for one user alone.
import { createAccountsCache } from '@dashtam/accounts-cache'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { createReadThrough } from '@dashtam/cache-tiered'
import { sharedRedisUrl, until } from '@dashtam/testkit'
import t from 'tap'
import { Bank } from './fixtures/bank.ts'
import { type Accounts, openFleet } from './fixtures/fleet.ts'

const keys = defineKeys({ prefix: 'app', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
const OWNERS = { userId: 'ann', accountId: 'a1', page: 1 }
const STRANGERS = { ...OWNERS, userId: 'bob' }
const PAGE = ['a1-1', 'a1-2']

function open() {
  const bank = new Bank()
  const cache = createReadThrough({ keyspace: 'app' })
  return { bank, accounts: createAccountsCache({ cache, keys, source: bank }) }
}

t.test('a stranger has no such account, whether its owner has asked before or not', async t => {
  for (const isOwnerFirst of [true, false]) {
    const { bank, accounts } = open()
    if (isOwnerFirst) t.strictSame((await accounts.transactions(OWNERS))?.value, PAGE)
    const { pages } = bank.calls
    t.equal(await accounts.transactions(STRANGERS), undefined)
    t.equal(bank.calls.pages, pages, 'nobody is asked for it')
    t.strictSame(await accounts.transactions(OWNERS), {
      value: PAGE,
      ...(isOwnerFirst ? { status: 'hit', tier: 'memory' } : { status: 'miss' })
    })
  }
})

t.test('a stranger neither gets nor spoils what its owner asks for at the same time', async t => {
  for (const order of [
    [OWNERS, STRANGERS, OWNERS, STRANGERS],
    [STRANGERS, OWNERS, STRANGERS, OWNERS]
  ]) {
    const { bank, accounts } = open()
    bank.beforeAnswer = () => new Promise(setImmediate)
    const answers = await Promise.all(order.map(wanted => accounts.transactions(wanted)))
    for (const [index, answer] of answers.entries()) {
      t.strictSame(answer?.value, order[index] === OWNERS ? PAGE : undefined)
    }
    t.equal(bank.calls.pages, 1)
  }
})

t.test('a stranger does not put what is cached out of the cache, in whichever process', async t => {
  const url = await sharedRedisUrl()
  const { bank, fleet } = await openFleet(t, [url, url])
  const [here, there] = fleet as [Accounts, Accounts]
  await here.transactions(OWNERS)
  await until('it is in Redis', async () => (await there.transactions(OWNERS))?.status === 'hit')
  const { pages } = bank.calls
  for (let times = 0; times < 3; times++) t.equal(await there.transactions(STRANGERS), undefined)
  for (const accounts of fleet) t.match(await accounts.transactions(OWNERS), { value: PAGE, status: 'hit' })
  t.equal(bank.calls.pages, pages)
})

t.test('whose list is out of date is not shown what the new owner has loaded', async t => {
  const { bank, accounts } = open()
  await accounts.list('ann')
  bank.give('a1', 'bob')
  t.strictSame((await accounts.transactions(STRANGERS))?.value, PAGE, 'it is his now')
  await until('it is cached', async () => (await accounts.transactions(STRANGERS))?.status === 'hit')
  for (let times = 0; times < 2; times++) {
    t.strictSame(await accounts.transactions(OWNERS), { value: [], status: 'miss' }, 'and hers no more')
  }
  t.match(await accounts.transactions(STRANGERS), { value: PAGE, status: 'hit' })
})

t.test('nor does he get what is loaded for the new owner at that moment, or spoil it', async t => {
  // Both are in one flight until Redis has told of its lease.
  const { bank, fleet } = await openFleet(t, [await sharedRedisUrl()])
  const [accounts] = fleet as [Accounts]
  const ids = Array.from({ length: 20 }, (_, index) => `moved-${index}`)
  for (const id of ids) {
    bank.accounts.push({ id, owner: 'ann', name: id })
    bank.transactions.set(id, PAGE)
  }
  await until('her list is cached', async () => (await accounts.list('ann')).status === 'hit')
  for (const id of ids) bank.give(id, 'bob')
  await until('and his', async () => (await accounts.list('bob')).status === 'hit')
  for (const [index, accountId] of ids.entries()) {
    const asking = index % 2 === 0 ? ['ann', 'bob'] : ['bob', 'ann']
    const read = (userId: string) => accounts.transactions({ userId, accountId, page: 1 })
    const answers = await Promise.all(asking.map(read))
    for (const [at, userId] of asking.entries()) t.strictSame(answers[at]?.value, userId === 'bob' ? PAGE : [])
    t.strictSame((await read('bob'))?.value, PAGE)
  }
})

t.test('an account that two users have is shown to both, and a change by one of them is obeyed', async t => {
  const { bank, accounts } = open()
  const anns = { ...OWNERS, accountId: 'joint' }
  const bobs = { ...STRANGERS, accountId: 'joint' }
  for (const owner of ['ann', 'bob']) bank.accounts.push({ id: 'joint', owner, name: 'joint' })
  bank.transactions.set('joint', ['before'])
  for (const wanted of [anns, bobs, anns, bobs]) {
    t.strictSame((await accounts.transactions(wanted))?.value, ['before'])
  }
  await accounts.change({ userId: 'bob', accountIds: ['joint'] }, () => bank.transactions.set('joint', ['after']))
  for (const wanted of [anns, bobs]) t.strictSame((await accounts.transactions(wanted))?.value, ['after'])
})
