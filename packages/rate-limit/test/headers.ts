import { type LimitOutcome, rateLimitHeaders } from '@dashtam/rate-limit'
import t from 'tap'

const outcome = (name: string, more: Partial<LimitOutcome> = {}): LimitOutcome => ({
  name,
  limit: { capacity: 100, refillSeconds: 60 },
  isAllowed: true,
  remaining: 42,
  retryAfterMs: 0,
  fullAfterMs: 34_800,
  source: 'shared',
  ...more
})

t.test('rateLimitHeaders() tells policies and states', async t => {
  t.strictSame(rateLimitHeaders({ isAllowed: true, retryAfterMs: 0, limits: [outcome('user')] }), {
    'ratelimit-policy': '"user";q=100;w=60',
    ratelimit: '"user";r=42;t=35'
  })
  const refused = outcome('address', {
    limit: { capacity: 5, refillSeconds: 0.5 },
    isAllowed: false,
    remaining: 0,
    retryAfterMs: 1_001,
    fullAfterMs: 0
  })
  t.strictSame(rateLimitHeaders({ isAllowed: false, retryAfterMs: 1_001, limits: [outcome('user'), refused] }), {
    'ratelimit-policy': '"user";q=100;w=60, "address";q=5;w=1',
    ratelimit: '"user";r=42;t=35, "address";r=0;t=2',
    'retry-after': '2'
  })
})

t.test('rateLimitHeaders() of no limit are none', async t => {
  t.strictSame(rateLimitHeaders({ isAllowed: true, retryAfterMs: 0, limits: [] }), {})
})

t.test('rateLimitHeaders() lets no name out of its quotes', async t => {
  const { ratelimit } = rateLimitHeaders({ isAllowed: true, retryAfterMs: 0, limits: [outcome('a"b\\c\r\nd\u00e9')] })
  t.equal(ratelimit, '"a\\"b\\\\c??d?";r=42;t=35')
})
