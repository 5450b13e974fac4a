import t from 'tap'
import { defineKeys, type Families } from '../src/index.ts'

t.test('familyOf() names the family of a key, a tenant’s and a pattern’s too', async t => {
  const keys = defineKeys(
    { prefix: 'dashtam' },
    {
      user: 'user:{userId}',
      profile: 'user:{userId}:profile',
      account: 'user:{userId}:account:{accountId}',
      version: 'security:global:version',
      plain: 'tag:{id}',
      tagged: 'tag:{{id}}'
    }
  )
  const { familyOf } = keys
  t.equal(familyOf(keys.user({ userId: 42 })), 'user')
  t.equal(familyOf(keys.user({ userId: '' })), 'user', 'of the empty parameter')
  t.equal(familyOf(keys.profile({ userId: 'profile' })), 'profile')
  t.equal(familyOf(keys.account({ userId: ':', accountId: '{' })), 'account')
  t.equal(familyOf(keys.version()), 'version')
  t.equal(familyOf(keys.plain({ id: 1 })), 'plain')
  t.equal(familyOf(keys.tagged({ id: 1 })), 'tagged')
  t.equal(familyOf(keys.account.pattern({ userId: 1 })), 'account')
  t.equal(familyOf(keys.tagged.pattern()), 'tagged')
  t.equal(familyOf(keys.forTenant('@').profile({ userId: 1 })), 'profile')
  t.equal(familyOf(keys.forTenant('').version()), 'version')
  t.equal(keys.forTenant('a').familyOf(keys.forTenant('b').user({ userId: 1 })), 'user')
})

t.test('familyOf() gives undefined for any other string', async t => {
  const { familyOf } = defineKeys({ prefix: 'x' }, { a: 'a:{b}:c', tag: 'tag:{{b}}' })
  const strangers = ['', 'x', 'x:', 'x:a', 'x:a:', 'x:a:1', 'x:a:1:', 'x:a:1:d', 'x:a:1:cc', 'x:a:1:c:', 'x:a:1:c:2']
  const hostile = ['x:axb:c', 'xx:a:1:c', 'X:a:1:c', ' x:a:1:c', 'x:~:a:1:c', 'x:@', 'x:@t', 'x:@t:', 'x:@t:@u:a:1:c']
  const braces = ['x:a:{1}:c', 'x:a:{:c', 'x:tag:1', 'x:tag:{', 'x:tag:{1', 'x:tag:', 'x:__proto__', 'x:constructor']
  t.equal(defineKeys({ prefix: 'x' }, { x: 'x:{id}' }).familyOf('x:@t'), undefined, 'a tenant alone')
  for (const key of [...strangers, ...hostile, ...braces]) t.equal(familyOf(key), undefined, JSON.stringify(key))
})

t.test('familyOf() goes back where a literal led nowhere', async t => {
  const keys = defineKeys({ prefix: 'x' }, { open: 'a:{b}:c', fixed: 'a:b:d', end: 'a:bb' })
  t.equal(keys.familyOf('x:a:b:c'), 'open')
  t.equal(keys.familyOf('x:a:b:d'), 'fixed')
  t.equal(keys.familyOf('x:a:bb:c'), 'open')
  t.equal(keys.familyOf('x:a:bb'), 'end')
  t.equal(keys.familyOf('x:a:b'), undefined)
})

/** All templates of up to three segments over two literals, a parameter and a hash tag. */
function allTemplates(): string[] {
  const templates = ['a', 'b']
  for (const template of templates) {
    if (template.split(':').length === 3) continue
    const name = `p${template.length}`
    for (const segment of ['a', 'b', `{${name}}`, `{{${name}}}`]) {
      if (!(template.includes('{{') && segment.includes('{{'))) templates.push(`${template}:${segment}`)
    }
  }
  return templates
}

/** Every key of a template whose parameters take the values of the literals, and another. */
function keysOf(template: string): string[] {
  const { family } = defineKeys({ prefix: 'x' }, { family: template } as Families)
  const names = [...template.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const tuples = names.reduce<Record<string, string>[]>(
    (partial, name) => partial.flatMap(params => ['a', 'b', 'c'].map(value => ({ ...params, [name]: value }))),
    [{}]
  )
  return tuples.map(params => family?.(params) ?? '')
}

t.test('defineKeys() refuses exactly the pairs of templates that can give one key', async t => {
  const templates = allTemplates().map(template => ({ template, keys: new Set(keysOf(template)) }))
  let refused = 0
  for (const one of templates) {
    for (const other of templates) {
      const canCollide = [...one.keys].some(key => other.keys.has(key))
      const define = () => defineKeys({ prefix: 'x' }, { one: one.template, other: other.template } as Families)
      if (canCollide) {
        refused++
        t.throws(define, /^one and other could give one key/, `${one.template} and ${other.template}`)
      } else {
        const { familyOf } = define()
        const isKnown = [...one.keys].every(key => familyOf(key) === 'one')
        if (!isKnown) t.fail(`familyOf() mistakes a key of ${one.template} for one of ${other.template}`)
      }
    }
  }
  t.ok(refused > templates.length, `${refused} of ${templates.length ** 2} pairs`)
})
