import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { defineKeys } from '../src/index.ts'

/** The warnings of a registry that is made and used under a NODE_ENV. */
async function warningsOf(nodeEnv: string | undefined, use: (keys: ReturnType<typeof define>) => void) {
  const before = process.env.NODE_ENV
  if (nodeEnv === undefined) delete process.env.NODE_ENV
  else process.env.NODE_ENV = nodeEnv
  const warnings: (Error & { code?: string })[] = []
  const listener = (warning: Error) => warnings.push(warning)
  process.on('warning', listener)
  use(define())
  await setImmediate()
  process.off('warning', listener)
  if (before === undefined) delete process.env.NODE_ENV
  else process.env.NODE_ENV = before
  return warnings.filter(({ code }) => code === 'DASHTAM_CACHE_KEYS_PII')
}

function define() {
  return defineKeys(
    { prefix: 'x', secret: 'only the tests know these 32 bytes' },
    { user: 'user:{a}:{b}', other: 'other:{a}', hashed: { template: 'hashed:{a}', hashed: ['a'] } }
  )
}

t.test('an e-mail address in a key is warned about once per parameter, in development', async t => {
  for (const nodeEnv of [undefined, 'development']) {
    const warnings = await warningsOf(nodeEnv, keys => {
      keys.user({ a: 'ada@example.com', b: 1 })
      keys.user({ a: 'bob@example.com', b: 2 })
      keys.user({ a: 1, b: 'x|eve@mail.example.co.uk' })
      keys.other.pattern({ a: 'ada@example.com' })
      keys.forTenant('ada@example.com').user({ a: 'eve@example.com', b: 1 })
    })
    const places = warnings.map(({ message }) =>
      message
        .match(/'(\w+)' .* '(\w+)'/)
        ?.slice(1)
        .join('.')
    )
    t.strictSame(places, ['user.a', 'user.b', 'other.a', 'forTenant.id'])
    t.notMatch(warnings.map(String).join(), /@|ada|bob|eve|example/, 'the address is not in it')
  }
})

t.test('nothing is warned about that is hashed, no address, or not in development', async t => {
  const harmless = await warningsOf('development', keys => {
    keys.hashed({ a: 'ada@example.com' })
    for (const b of ['@', '@acme', 'a@b', 'a b@c.de', 'a@b@c.de', `${'a'.repeat(300)}@b.de`]) keys.user({ a: b, b })
  })
  t.strictSame(harmless, [])
  for (const nodeEnv of ['production', 'test', '']) {
    t.strictSame(await warningsOf(nodeEnv, keys => keys.other({ a: 'ada@example.com' })), [], nodeEnv)
  }
})
