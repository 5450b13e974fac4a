import t from 'tap'
import { dashtamFamilies, defineKeys, renderFamilies } from '../src/index.ts'

t.test('dashtamFamilies make one registry, and say who writes and who invalidates', async t => {
  const keys = defineKeys({ prefix: 'dashtam', secret: 'only the tests know these 32 bytes' }, dashtamFamilies)
  t.equal(keys.account({ userId: 1, accountId: 2 }), 'dashtam:user:1:account:2')
  for (const [name, { description, writtenBy }] of Object.entries(dashtamFamilies)) {
    t.ok(description.length > 0 && writtenBy.length > 0, name)
  }
  t.strictSame(dashtamFamilies.session.hashed, ['sessionId'], 'a session id is a secret')
  t.strictSame(dashtamFamilies.oauthState.hashed, ['state'], 'and so is an OAuth state')
})

t.test('renderFamilies() makes a row of each family', async t => {
  const table = renderFamilies({
    user: { template: 'user:{id}', ttlSeconds: 3_600, writtenBy: ['sign-in', 'update'], invalidatedBy: ['logout'] },
    session: { template: 's:{a}:{b}', hashed: ['a', 'b'], ttlSeconds: 90, description: 'a | b\n<i> \\' },
    forever: { template: 'forever', ttlSeconds: Number.POSITIVE_INFINITY },
    bare: 'bare'
  })
  t.equal(
    table,
    [
      '| Family | Template | Holds | TTL | Written by | Invalidated by |',
      '| --- | --- | --- | --- | --- | --- |',
      '| `user` | `user:{id}` |  | 3600 s (1 h) | sign-in, update | logout |',
      '| `session` | `s:{a}:{b}`, `a` and `b` hashed | a \\| b \\<i> \\\\ | 90 s |  |  |',
      '| `forever` | `forever` |  | never expires |  |  |',
      '| `bare` | `bare` |  | set per entry |  |  |',
      ''
    ].join('\n')
  )
})
