import { createHash } from 'node:crypto'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { InMemoryCache } from '@dashtam/cache-memory'
import { createRedisClient, RedisAdapter } from '@dashtam/cache-redis'
import { createOAuthStateCache, type OAuthStateCacheOptions } from '@dashtam/oauth-state-cache'
import { startRedis } from '@dashtam/testkit'
import t from 'tap'

const keys = defineKeys({ prefix: 'app', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
const FLOW = { userId: '42', provider: 'schwab', alias: 'my broker' }
const INVALID = { ok: false, error: { code: 'invalid_state' } }

function open(options: Partial<OAuthStateCacheOptions> = {}) {
  const time = { nowMs: 0 }
  const cache = new InMemoryCache({ keyspace: 'app', clock: () => time.nowMs })
  return { time, cache, states: createOAuthStateCache({ cache, keys, ...options }) }
}

async function begun(states: ReturnType<typeof open>['states'], flow = FLOW) {
  const created = await states.create(flow)
  if (!created.ok) throw new Error(created.error.message)
  return created.value
}

t.test('a flow comes back once, to the browser that has begun it', async t => {
  const { states } = open()
  const { state, browserToken, codeChallenge, codeChallengeMethod } = await begun(states)
  t.equal(codeChallengeMethod, 'S256')
  const consumed = await states.consume({ state, browserToken })
  if (!consumed.ok) return t.fail(consumed.error.message)
  const { codeVerifier, ...flow } = consumed.value
  t.strictSame(flow, FLOW)
  t.match(codeVerifier, /^[A-Za-z0-9_-]{43}$/)
  t.equal(createHash('sha256').update(codeVerifier).digest('base64url'), codeChallenge)
  t.match(await states.consume({ state, browserToken }), INVALID, 'used')
  t.strictSame(states.stats(), { created: 1, consumed: 1, invalid: 1, unavailable: 0 })
  const { alias, ...unnamed } = FLOW
  const other = await begun(states, unnamed as typeof FLOW)
  t.match(await states.consume(other), { ok: true, value: unnamed })
  t.not(other.state, state)
})

t.test('another browser, another user and another flow look like a state that never was', async t => {
  const { states, time } = open()
  const never = await states.consume({ state: 'x'.repeat(43), browserToken: 'x'.repeat(43) })
  t.match(never, INVALID)
  const attempts: ((of: Awaited<ReturnType<typeof begun>>, other: Awaited<ReturnType<typeof begun>>) => object)[] = [
    ({ state }, other) => ({ state, browserToken: other.browserToken }),
    ({ state }) => ({ state, browserToken: undefined }),
    ({ state }) => ({ state, browserToken: '' }),
    ({ state }) => ({ state, browserToken: ['x'.repeat(43)] }),
    ({ state, browserToken }) => ({ state, browserToken, userId: '43' }),
    ({ state, browserToken }) => ({ state: `${state}=`, browserToken }),
    ({ browserToken }) => ({ state: undefined, browserToken }),
    ({ state, browserToken }) => ({ state: [state, state], browserToken }),
    ({ browserToken }) => ({ state: { $ne: '' }, browserToken }),
    ({ browserToken }) => ({ state: `${'../'.repeat(14)}x`, browserToken })
  ]
  for (const attempt of attempts) {
    const [of, other] = [await begun(states), await begun(states)]
    const consumed = await states.consume(attempt(of, other) as Parameters<typeof states.consume>[0])
    t.strictSame(consumed, never)
  }
  const { state, browserToken } = await begun(states)
  t.match(await states.consume({ state, browserToken, userId: '42' }), { ok: true })
  const late = await begun(states)
  time.nowMs += 600_000
  t.strictSame(await states.consume(late), never, 'expired after ten minutes')
})

t.test('a state is gone after the first attempt, also that of another browser', async t => {
  const { states } = open()
  const [{ state, browserToken }, other] = [await begun(states), await begun(states)]
  t.match(await states.consume({ state, browserToken: other.browserToken }), INVALID)
  t.match(await states.consume({ state, browserToken }), INVALID)
})

t.test('what cannot be a state is refused without asking the cache', async t => {
  const cache = { set: () => t.fail('set') as never, take: () => t.fail('take') as never }
  const { states } = open({ cache })
  for (const state of [
    '',
    'x'.repeat(42),
    'x'.repeat(44),
    'x'.repeat(100_000),
    `${'x'.repeat(42)}\n`,
    `${'x'.repeat(42)}*`
  ]) {
    t.match(await states.consume({ state, browserToken: 'x'.repeat(43) }), INVALID)
  }
})

t.test('whoever reads the cache learns nothing, and whoever writes it forges nothing', async t => {
  const written = new Map<string, string>()
  const cache: OAuthStateCacheOptions['cache'] = {
    set: async (key, value) => {
      written.set(key, value)
      return { ok: true, value: undefined }
    },
    take: async key => ({ ok: true, value: written.get(key) })
  }
  const { states } = open({ cache })
  const [first, second] = [await begun(states), await begun(states)]
  const [[key = '', sealed = ''] = [], [otherKey = '', otherSealed = ''] = []] = [...written]
  const all = JSON.stringify([...written])
  const plain = Buffer.from(sealed, 'base64url').toString('latin1')
  for (const secret of [first.state, first.browserToken, FLOW.userId + FLOW.provider, FLOW.alias]) {
    t.notOk(all.includes(secret) || plain.includes(secret))
  }
  const forgeries = ['', 'x', 'not base64url!', sealed.slice(0, -1), otherSealed, JSON.stringify(FLOW)]
  for (const forged of forgeries) {
    written.set(key, forged)
    t.match(await states.consume(first), INVALID)
  }
  const bits = Buffer.from(sealed, 'base64url')
  for (let at = 0; at < bits.length; at++) {
    const changed = Buffer.from(bits)
    changed[at] = (changed[at] ?? 0) ^ 1
    written.set(key, changed.toString('base64url'))
    t.match(await states.consume(first), INVALID, `byte ${at}`)
  }
  written.set(otherKey, sealed)
  t.match(await states.consume({ state: second.state, browserToken: first.browserToken }), INVALID, 'moved')
  written.set(key, sealed)
  t.match(await states.consume(first), { ok: true })
})

t.test(
  'of a hundred callbacks with one state one succeeds, from however many processes; without Redis none does',
  async t => {
    await using server = await startRedis()
    const processes = Array.from({ length: 2 }, () => {
      const cache = new RedisAdapter({
        keyspace: 'app',
        client: createRedisClient({ url: server.url }),
        closesClient: true
      })
      t.teardown(() => cache.close())
      return createOAuthStateCache({ cache, keys })
    })
    const [here, there] = processes
    if (here === undefined || there === undefined) throw new Error('two are needed')
    for (let round = 0; round < 10; round++) {
      const created = await begun(here)
      const all = await Promise.all(
        Array.from({ length: 100 }, (_, at) => (at % 2 === 0 ? here : there).consume(created))
      )
      t.equal(all.filter(({ ok }) => ok).length, 1)
      for (const result of all) if (!result.ok) t.equal(result.error.code, 'invalid_state')
    }
    const created = await begun(here)
    await server.freeze()
    const refused = await here.consume(created)
    t.match(refused, {
      ok: false,
      error: { code: 'unavailable', cause: { code: 'CACHE_TAKE_ERROR', reason: 'timeout' } }
    })
    t.match(await here.create(FLOW), { ok: false, error: { code: 'unavailable' } })
    for (const secret of [created.state, created.browserToken]) t.notOk(JSON.stringify(refused).includes(secret))
    t.equal(here.stats().unavailable, 2)
    await server.resume()
  }
)

t.test('wrong options and arguments are told', async t => {
  for (const ttlSeconds of [0, -1, Number.NaN, Infinity, '600' as unknown as number]) {
    t.throws(() => open({ ttlSeconds }), {
      name: 'TypeError',
      message: `ttlSeconds must be a number above 0, got ${ttlSeconds}`
    })
  }
  t.throws(() => open({ keys: {} as typeof keys }), { message: 'keys must have the function oauthState' })
  const { states } = open()
  await t.rejects(states.create({ ...FLOW, userId: 42 as unknown as string }), {
    name: 'TypeError',
    message: 'userId must be a string, got number'
  })
})
