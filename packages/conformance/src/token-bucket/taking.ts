import assert from 'node:assert/strict'
import type { Result, TokenLimit, TokenState } from '@dashtam/cache-protocol'
import { unwrap } from '../assertions.ts'
import { HOSTILE_KEY_NAMES } from '../hostile.ts'
import type { BucketSuite } from './suite.ts'

/** A token a minute: none comes back while a test runs. */
export const SLOW: TokenLimit = { capacity: 10, refillSeconds: 600 }
/** A token every 33.3 ms: no whole number of milliseconds. */
export const SMALL: TokenLimit = { capacity: 30_000, refillSeconds: 1_000 }
/** A token every 100 ms. */
const FAST: TokenLimit = { capacity: 10, refillSeconds: 1 }

export function takingTests(suite: BucketSuite): void {
  suite.test('take() takes tokens until there are none', async ({ buckets, key }) => {
    for (let remaining = 9; remaining >= 0; remaining--) {
      const state = unwrap(await buckets.take(key('a'), SLOW))
      assert.deepEqual({ ...state, fullAfterMs: 0 }, { isAllowed: true, remaining, retryAfterMs: 0, fullAfterMs: 0 })
      assertAbout(state.fullAfterMs, (10 - remaining) * 60_000)
    }
    assertRefused(unwrap(await buckets.take(key('a'), SLOW)), {
      remaining: 0,
      retryAfterMs: 60_000,
      fullAfterMs: 600_000
    })
    assert.ok(unwrap(await buckets.take(key('b'), SLOW)).isAllowed, 'each key is a bucket of its own')
  })

  suite.test('take() takes all that is asked for, or none', async ({ buckets, key }) => {
    assertTaken(await buckets.take(key('a'), SLOW, 7), 3)
    assertRefused(unwrap(await buckets.take(key('a'), SLOW, 5)), {
      remaining: 3,
      retryAfterMs: 120_000,
      fullAfterMs: 420_000
    })
    assertTaken(await buckets.take(key('a'), SLOW, 3), 0)
    assertTaken(await buckets.take(key('b'), SLOW, 10), 0)
  })

  suite.test('take() gives no token to two', async ({ buckets, key, another }) => {
    const elsewhere = await another()
    const all = await Promise.all(
      Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? buckets : elsewhere).take(key('a'), SLOW))
    )
    assert.equal(all.map(unwrap).filter(({ isAllowed }) => isAllowed).length, 10)
  })

  suite.test('take() finds tokens again as time passes, one by one', async ({ buckets, key, advance }) => {
    const startedAtMs = performance.now()
    unwrap(await buckets.take(key('a'), FAST, 10))
    await advance(250)
    const taken = await takeAll(() => buckets.take(key('a'), FAST))
    const passedMs = Math.max(250, performance.now() - startedAtMs)
    assert.ok(taken >= 2 && taken <= passedMs / 100, `${taken} tokens in ${passedMs} ms`)
    await advance(1_100)
    assert.equal(unwrap(await buckets.peek(key('a'), FAST)).remaining, 10, 'and never more than there is room for')
  })

  suite.test('take() is as exact as its limit, however small a token is', async ({ buckets, key }) => {
    const large: TokenLimit = { capacity: 7_000_000, refillSeconds: 600_000 }
    assertTaken(await buckets.take(key('a'), large, 6_999_999), 1)
    assert.ok(unwrap(await buckets.take(key('a'), large)).isAllowed)
    assert.ok(!unwrap(await buckets.take(key('a'), large)).isAllowed)
    const small: TokenLimit = { capacity: 1, refillSeconds: 0.001 }
    assert.ok(unwrap(await buckets.take(key('b'), small)).isAllowed)
  })

  suite.test('take() leaves a bucket as long from full as it was when its limit changes', async ({ buckets, key }) => {
    unwrap(await buckets.take(key('a'), SLOW, 8))
    const faster: TokenLimit = { capacity: 20, refillSeconds: 600 }
    assert.equal(unwrap(await buckets.peek(key('a'), faster)).remaining, 4, '480 of 600 seconds are missing')
    const smaller: TokenLimit = { capacity: 2, refillSeconds: 120 }
    const state = unwrap(await buckets.peek(key('a'), smaller))
    assertRefused(state, { remaining: 0, retryAfterMs: 60_000, fullAfterMs: 120_000 })
  })

  suite.test('take() reads a bucket alike, whether its tokens are worth whole milliseconds or not', async subject => {
    const { buckets, key } = subject
    const whole: TokenLimit = { capacity: 1_000, refillSeconds: 1_000 }
    assertTaken(await buckets.take(key('a'), whole, 500), 500)
    assertNear(unwrap(await buckets.take(key('a'), SMALL, 3_000)).remaining, 12_000)
    assertNear(unwrap(await buckets.take(key('a'), whole, 200)).remaining, 200)
    assertNear(unwrap(await buckets.peek(key('a'), SMALL)).remaining, 6_000)
    unwrap(await buckets.give(key('a'), SMALL, 3_000))
    assertNear(unwrap(await buckets.take(key('a'), whole, 100)).remaining, 200)
    unwrap(await buckets.give(key('a'), whole, 300))
    assertNear(unwrap(await buckets.peek(key('a'), SMALL)).remaining, 15_000)
  })

  suite.test('peek() says what take() would say, and takes nothing', async ({ buckets, key }) => {
    const full = { isAllowed: true, remaining: 10, retryAfterMs: 0, fullAfterMs: 0 }
    for (let looks = 0; looks < 3; looks++) assert.deepEqual(unwrap(await buckets.peek(key('a'), SLOW, 10)), full)
    unwrap(await buckets.take(key('a'), SLOW, 8))
    assert.ok(unwrap(await buckets.peek(key('a'), SLOW, 2)).isAllowed)
    assertRefused(unwrap(await buckets.peek(key('a'), SLOW, 3)), {
      remaining: 2,
      retryAfterMs: 60_000,
      fullAfterMs: 480_000
    })
    assert.equal(unwrap(await buckets.peek(key('a'), SLOW)).remaining, 2)
  })

  suite.test('give() gives back, and no more than there is room for', async ({ buckets, key }) => {
    unwrap(await buckets.take(key('a'), SLOW, 6))
    unwrap(await buckets.give(key('a'), SLOW))
    assert.equal(unwrap(await buckets.peek(key('a'), SLOW)).remaining, 5)
    unwrap(await buckets.give(key('a'), SLOW, 10))
    assert.equal(unwrap(await buckets.peek(key('a'), SLOW)).remaining, 10)
    unwrap(await buckets.give(key('b'), SLOW, 3))
    assertTaken(await buckets.take(key('b'), SLOW, 10), 0)
  })

  suite.test('reset() fills a bucket', async ({ buckets, key, advance }) => {
    assert.equal(unwrap(await buckets.reset(key('a'))), false)
    unwrap(await buckets.take(key('a'), SLOW, 10))
    assert.equal(unwrap(await buckets.reset(key('a'))), true)
    assert.equal(unwrap(await buckets.peek(key('a'), SLOW)).remaining, 10)
    unwrap(await buckets.take(key('b'), { capacity: 10, refillSeconds: 0.05 }, 10))
    await advance(100)
    assert.equal(unwrap(await buckets.reset(key('b'))), false, 'a bucket that has filled is forgotten')
  })

  suite.test('take() knows every key from every other', async ({ buckets, key }) => {
    const names = HOSTILE_KEY_NAMES.filter(name => !name.startsWith('~'))
    for (const [index, name] of names.entries()) {
      unwrap(await buckets.take(key(name), { capacity: 1_000, refillSeconds: 60_000 }, index + 1))
    }
    for (const [index, name] of names.entries()) {
      const { remaining } = unwrap(await buckets.peek(key(name), { capacity: 1_000, refillSeconds: 60_000 }))
      assert.equal(remaining, 1_000 - index - 1)
    }
  })
}

async function takeAll(take: () => Promise<Result<TokenState>>): Promise<number> {
  for (let taken = 0; taken < 100; taken++) if (!unwrap(await take()).isAllowed) return taken
  return 100
}

function assertTaken(taken: Result<TokenState>, remaining: number): void {
  const state = unwrap(taken)
  assert.deepEqual([state.isAllowed, state.remaining], [true, remaining])
}

function assertRefused(state: TokenState, expected: Omit<TokenState, 'isAllowed'>): void {
  assert.equal(state.isAllowed, false)
  assert.equal(state.remaining, expected.remaining)
  assertAbout(state.retryAfterMs, expected.retryAfterMs)
  assertAbout(state.fullAfterMs, expected.fullAfterMs)
}

/** Some tokens have come back since. */
function assertNear(remaining: number, expected: number): void {
  assert.ok(remaining >= expected - 1 && remaining <= expected + 600, `${remaining} left, about ${expected} expected`)
}

/** Some time has passed since. */
function assertAbout(milliseconds: number, expected: number): void {
  assert.ok(
    milliseconds <= expected && milliseconds > expected - 20_000,
    `${milliseconds} ms, about ${expected} expected`
  )
}
