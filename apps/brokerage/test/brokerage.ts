import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Brokerage, type BrokerageOptions, startBrokerage } from '@dashtam/brokerage'
import * as oauth from 'openid-client'
import t, { type Test } from 'tap'
import { Customers } from '../src/customers.ts'
import { Memory } from '../src/memory-adapter.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const REDIRECT = 'http://127.0.0.1:34567/api/v1/connections/callback'

async function open(t: Test, options: BrokerageOptions = {}) {
  const brokerage = await startBrokerage(options)
  t.teardown(() => brokerage.close())
  const config = await oauth.discovery(new URL(brokerage.url), 'dashtam-demo', undefined, oauth.None(), {
    execute: [oauth.allowInsecureRequests]
  })
  return { brokerage, config }
}

/** A browser, as far as it is needed. */
function browser() {
  const cookies = new Map<string, string>()
  return async (start: string, sent?: Readonly<Record<string, string>>) => {
    let [url, form] = [start, sent]
    for (let step = 0; step < 10; step++) {
      const answer: Response = await fetch(url, {
        redirect: 'manual',
        headers: { cookie: [...cookies].map(pair => pair.join('=')).join('; '), accept: 'text/html' },
        ...(form && { method: 'POST', body: new URLSearchParams(form) })
      })
      form = undefined
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        cookies.set(name, value)
      }
      const location = answer.headers.get('location')
      const text = await answer.text()
      if (location === null) return { url, status: answer.status, text }
      url = new URL(location, url).href
      if (url.startsWith('http://127.0.0.1:34567/')) return { url, status: answer.status, text }
    }
    throw new Error('too many redirects')
  }
}

async function authorize(config: oauth.Configuration, changes: Readonly<Record<string, string>> = {}) {
  const codeVerifier = randomBytes(32).toString('base64url')
  const request = {
    scope: 'openid offline_access accounts',
    state: 'a state',
    redirect_uri: REDIRECT,
    prompt: 'consent',
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...changes
  }
  const go = browser()
  const url = oauth.buildAuthorizationUrl(config, request).href
  return { go, url, page: await go(url), codeVerifier }
}

const actionOf = ({ url, text }: { url: string; text: string }) =>
  new URL(/action="([^"]+)"/.exec(text)?.[1] ?? '', url).href

async function tokensOf(config: oauth.Configuration, customer = 'demo') {
  const { go, page, codeVerifier } = await authorize(config)
  const back = await go(actionOf(page), { customer })
  const checks = { pkceCodeVerifier: codeVerifier, expectedState: 'a state' }
  return oauth.authorizationCodeGrant(config, new URL(back.url), checks)
}

const errorOf = (granted: Promise<unknown>) => granted.then(String, ({ error }: { error: string }) => error)

async function get({ url }: Brokerage, path: string, token?: string) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const answer = await fetch(url + path, { headers })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

const control = async ({ url }: Brokerage, body: object, path = '', method = 'PUT') => {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}/control${path}`, { method, headers, body: JSON.stringify(body) })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

t.test('a customer allows it once, on one page, and the client gets tokens', async t => {
  const { brokerage, config } = await open(t)
  const { page } = await authorize(config)
  t.equal(page.status, 200)
  t.match(page.text, /<input name="customer" value="demo"/)
  const tokens = await tokensOf(config)
  t.equal(tokens.expires_in, 3_600)
  t.ok(tokens.refresh_token)
  const { status, text } = await get(brokerage, '/api/accounts', tokens.access_token)
  t.equal(status, 200)
  t.strictSame(JSON.parse(text).accounts, new Customers().accounts('demo'))
  t.match(brokerage.calls, { accounts: 1, transactions: 0, tokens: 1 })
})

t.test('a browser that was here before is asked again, whoever it was', async t => {
  const { config } = await open(t)
  const { go, url, page } = await authorize(config)
  t.match((await go(actionOf(page), { customer: 'ann' })).url, /code=/)
  const again = await go(url)
  t.match(again.text, 'Let Dashtam see your accounts?')
  t.match((await go(actionOf(again), { customer: 'bob' })).url, /code=/)
})

t.test('a refresh token is for one use', async t => {
  const { brokerage, config } = await open(t)
  const first = await tokensOf(config)
  const second = await oauth.refreshTokenGrant(config, first.refresh_token ?? '')
  t.not(second.refresh_token, first.refresh_token)
  t.equal((await get(brokerage, '/api/accounts', second.access_token)).status, 200)
  t.equal(await errorOf(oauth.refreshTokenGrant(config, first.refresh_token ?? '')), 'invalid_grant')
})

t.test('what is revoked is worth nothing', async t => {
  const { brokerage, config } = await open(t)
  const tokens = await tokensOf(config)
  await oauth.tokenRevocation(config, tokens.refresh_token ?? '')
  t.equal(await errorOf(oauth.refreshTokenGrant(config, tokens.refresh_token ?? '')), 'invalid_grant')
  const others = await tokensOf(config)
  brokerage.revokeAll()
  t.equal((await get(brokerage, '/api/accounts', others.access_token)).status, 401)
})

t.test('who refuses, and who asks wrongly, gets nothing', async t => {
  const { config } = await open(t)
  const { go, page } = await authorize(config)
  t.match((await go(actionOf(page), { decision: 'refuse' })).url, /error=access_denied/)
  t.match((await go(actionOf(page), { customer: 'demo' })).status, 404, 'the flow is over')
  const other = await authorize(config)
  t.equal((await browser()(actionOf(other.page), { customer: 'demo' })).status, 404, 'another browser')
  const wrong = await other.go(actionOf(other.page), { customer: '<script>' })
  t.equal(wrong.status, 400)
  t.notMatch(wrong.text, '<script>')
  t.match((await authorize(config, { redirect_uri: 'http://evil.example/callback' })).page, { status: 400 })
  const bare = new URL((await authorize(config)).url)
  for (const name of ['code_challenge', 'code_challenge_method']) bare.searchParams.delete(name)
  t.match((await browser()(bare.href)).url, /error=invalid_request/, 'without PKCE')
})

t.test('the API is for whoever has a token, and tells nobody of another customer', async t => {
  const { brokerage, config } = await open(t, { accessTokenSeconds: 1 })
  const { access_token: token } = await tokensOf(config)
  const [account] = JSON.parse((await get(brokerage, '/api/accounts', token)).text).accounts
  const path = `/api/accounts/${account.id}/transactions`
  const first = JSON.parse((await get(brokerage, path, token)).text)
  t.equal(first.transactions.length, 20)
  let cents = 0
  for (let page = 1; page <= first.pages; page++) {
    const { transactions } = JSON.parse((await get(brokerage, `${path}?page=${page}`, token)).text)
    for (const { amount } of transactions) cents += Math.round(Number(amount) * 100)
  }
  t.equal((cents / 100).toFixed(2), account.balance, 'it adds up')
  t.strictSame(JSON.parse((await get(brokerage, `${path}?page=999`, token)).text).transactions, [])
  t.equal((await get(brokerage, `${path}?page=0`, token)).status, 400)
  const [others] = new Customers().accounts('somebody-else')
  t.equal((await get(brokerage, `/api/accounts/${others?.id}/transactions`, token)).status, 404)
  for (const wrong of [undefined, 'forged', `${token}x`]) {
    const refused = await get(brokerage, path, wrong)
    t.equal(refused.status, 401)
    t.equal(refused.headers.get('content-type'), 'application/problem+json')
  }
  await new Promise(resolve => setTimeout(resolve, 1_100))
  t.equal((await get(brokerage, path, token)).status, 401, 'it has expired')
  t.equal((await get(brokerage, '/api/nothing', undefined)).status, 404)
  const malformed = await get(brokerage, '/api/%')
  t.match([malformed.status, malformed.headers.get('content-type')], [400, 'application/problem+json'])
})

t.test('faults come on demand, and are counted', async t => {
  const { brokerage, config } = await open(t)
  const { access_token: token, refresh_token: refresh = '' } = await tokensOf(config)
  const ask = () => get(brokerage, '/api/accounts', token)
  t.match(await control(brokerage, { errorShare: 1 }), { status: 200, body: { faults: { errorShare: 1 } } })
  t.equal((await ask()).status, 500)
  await control(brokerage, { errorShare: 0, rubbishShare: 1 })
  const bodies = new Set<string>()
  for (let asks = 0; asks < 5; asks++) bodies.add((await ask()).text)
  t.equal(bodies.size, 5)
  await control(brokerage, { rubbishShare: 0, latencyMs: 100 })
  const began = performance.now()
  t.equal((await ask()).status, 200)
  t.ok(performance.now() - began >= 99)
  await control(brokerage, { latencyMs: 0, rateLimitPerMinute: 2 })
  const limited = [await ask(), await ask(), await ask()]
  t.strictSame(
    limited.map(({ status }) => status),
    [200, 200, 429]
  )
  t.ok(Number(limited[2]?.headers.get('retry-after')) >= 1)
  await control(brokerage, { rateLimitPerMinute: 0, tokenErrorShare: 1 })
  await t.rejects(oauth.refreshTokenGrant(config, refresh))
  for (const wrong of [
    { errorShare: 0.7, rubbishShare: 0.7 },
    { latencyMs: -1 },
    { errorShare: 2 },
    { errorShare: '1' },
    { color: 'red' }
  ]) {
    t.equal((await control(brokerage, wrong)).status, 400, JSON.stringify(wrong))
  }
  t.match((await control(brokerage, {})).body, { calls: { accounts: 10, tokens: 2, total: 12 } })
})

t.test('what is out of range is told, and changes nothing', async t => {
  const wrong = [
    [{ faults: { errorShare: 2 } }, 'faults.errorShare must be <= 1'],
    [
      { faults: { errorShare: 0.7, rubbishShare: 0.7 } },
      /^faults\.errorShare and faults\.rubbishShare must not be more/
    ],
    [{ faults: { latencyMs: 0.5 } }, 'faults.latencyMs must be integer'],
    [{ accessTokenSeconds: 0 }, 'accessTokenSeconds must be an integer from 1 to 86400, got 0']
  ] as const
  for (const [options, message] of wrong) await t.rejects(startBrokerage(options), { name: 'TypeError', message })
  const { brokerage } = await open(t)
  t.throws(() => brokerage.setFaults({ latencyMs: -1 }), new TypeError('faults.latencyMs must be >= 0'))
  const unknown = { color: 'red' } as object
  t.throws(() => brokerage.setFaults(unknown), new TypeError('faults.color is not known'))
  t.match((await control(brokerage, {})).body, { faults: { latencyMs: 0 } })
})

t.test('what was given out is bounded, and the oldest goes first', async t => {
  const flows = new Memory().adapterOf('Interaction')
  const COUNT = 100_000
  for (let index = 0; index < COUNT; index++) await flows.upsert(String(index), { uid: String(index) }, 600)
  t.notOk(await flows.find('0'))
  for (const index of [COUNT / 2, COUNT - 1]) t.match(await flows.find(String(index)), { uid: String(index) })
})

t.test('a brokerage on all addresses says one that can be gone to', async t => {
  for (const host of ['0.0.0.0', '::']) {
    const { brokerage } = await open(t, { host })
    t.match(brokerage.url, host === '::' ? /^http:\/\/\[::1\]:\d+$/ : /^http:\/\/127\.0\.0\.1:\d+$/)
  }
})

t.test('what is booked shows', async t => {
  const { brokerage, config } = await open(t)
  const { access_token: token } = await tokensOf(config, 'ann')
  const booked = await control(
    brokerage,
    { description: 'Gift', amount: '12.50' },
    '/customers/ann/transactions',
    'POST'
  )
  t.equal(booked.status, 201)
  const path = `/api/accounts/${booked.body.accountId}/transactions`
  const { transactions } = JSON.parse((await get(brokerage, path, token)).text)
  t.match(transactions[0], { description: 'Gift', amount: '12.50' })
  const form = new URLSearchParams({ description: 'x', amount: '1.00' })
  const forged = await fetch(`${brokerage.url}/control/customers/ann/transactions`, { method: 'POST', body: form })
  t.equal(forged.status, 415, 'no form, which any page can send')
  const unknown = { description: 'x', amount: '1.00', accountId: 'none' }
  t.equal((await control(brokerage, unknown, '/customers/ann/transactions', 'POST')).status, 404)
})

t.test('a process of its own names a wrong setting, and ends when it is told to', async t => {
  const run = (env: Readonly<Record<string, string>>) => {
    const child = spawn(process.execPath, ['--conditions=@dashtam/source', MAIN], {
      env: { PATH: process.env.PATH, _TAPJS_PROCESSINFO_COVERAGE_: '0', ...env }
    })
    t.teardown(() => child.kill('SIGKILL'))
    child.stdout.setEncoding('utf8')
    child.stderr.setEncoding('utf8')
    return child
  }
  const wrong = run({ BROKERAGE_PORT: 'http', BROKERAGE_ERROR_SHARE: '2', BROKERAGE_LATENCY_MS: '1e999' })
  const [message] = await once(wrong.stderr, 'data')
  t.match(message, /BROKERAGE_PORT must be an integer from 0 to 65535; got "http"/)
  t.match(message, /BROKERAGE_ERROR_SHARE must be a number from 0 to 1; got "2"/)
  t.match(message, /BROKERAGE_LATENCY_MS must be an integer from 0 to 60000; got "1e999"/)
  t.strictSame(await once(wrong, 'close'), [1, null])

  const right = run({ BROKERAGE_LATENCY_MS: '60000' })
  const [line] = await once(right.stdout, 'data')
  const { hostname, port } = new URL(/http:\S+/.exec(line)?.[0] ?? '')
  const slow = connect({ host: hostname, port: Number(port) })
  slow.on('error', () => undefined)
  slow.write('GET /api/accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n')
  await new Promise(resolve => setTimeout(resolve, 100))
  const told = performance.now()
  right.kill('SIGTERM')
  t.strictSame(await once(right, 'close'), [0, null])
  t.ok(performance.now() - told < 1_500)
  slow.destroy()

  const taken = await startBrokerage()
  t.teardown(() => taken.close())
  const second = run({ BROKERAGE_PORT: new URL(taken.url).port })
  const [why] = await once(second.stderr, 'data')
  t.match(why, /^BROKERAGE_HOST, BROKERAGE_PORT: .*EADDRINUSE/)
})
