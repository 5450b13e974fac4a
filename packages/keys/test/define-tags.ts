import t from 'tap'
import { defineTags } from '../src/index.ts'

t.test('a tag is written like a key, without a keyspace unless it is given one', async t => {
  const tags = defineTags({}, { user: 'user:{userId}', all: 'all', slot: 'slot:{{id}}' })
  t.equal(tags.user({ userId: 42 }), 'user:42')
  t.equal(tags.user({ userId: 'a:*' }), 'user:a%3A%2A')
  t.equal(tags.all(), 'all')
  t.equal(tags.slot({ id: 1 }), 'slot:{1}')
  t.equal(defineTags({ prefix: 'dashtam' }, { user: 'user:{userId}' }).user({ userId: 42 }), 'dashtam:user:42')
  t.throws(() => tags.user({} as { userId: string }), /user: parameter userId .* got undefined/)
})

t.test('a tag may be hashed', async t => {
  const options = { secret: 'only the tests know these 32 bytes' }
  const tags = defineTags(options, { session: { template: 'session:{id}', hashed: ['id'] } })
  t.match(tags.session({ id: 's' }), /^session:[\w-]{43}$/)
  t.throws(() => defineTags({}, { session: { template: 'session:{id}', hashed: ['id'] } }), /need the option secret/)
})

t.test('defineTags() refuses what defineKeys() refuses', async t => {
  t.throws(() => defineTags({}, { a: 'a:{b}', c: 'a:c' }), /a and c could give one key/)
  t.throws(() => defineTags({ prefix: 'a:b' }, {}), /^prefix must be 1 to 64/)
  t.throws(() => defineTags({ keyspace: 'a' } as object, {}), /defineTags: unknown option 'keyspace'/)
})
