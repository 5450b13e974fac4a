import { cacheStatus } from '@dashtam/fastify-cache'
import t from 'tap'

t.test(
  'cacheStatus() says hit from either tier, stale past the lifetime, and fwd=miss for what was loaded',
  async t => {
    t.equal(cacheStatus({ status: 'hit' }), 'dashtam; hit')
    t.equal(cacheStatus({ status: 'stale' }), 'dashtam; hit; detail=stale')
    t.equal(cacheStatus({ status: 'miss' }), 'dashtam; fwd=miss')
    t.equal(cacheStatus({ status: 'collapsed' }), 'dashtam; fwd=miss; collapsed')
  }
)

t.test('cacheStatus() names the cache, and refuses a name that would break the header', async t => {
  t.equal(cacheStatus({ status: 'hit' }, 'api.example:8080/accounts'), 'api.example:8080/accounts; hit')
  for (const name of ['', '9lives', 'two words', 'a;hit', 'a,b', 'a\r\nset-cookie: b', 'é']) {
    t.throws(() => cacheStatus({ status: 'hit' }, name), { name: 'TypeError', message: /cache must be a token/ })
  }
})
