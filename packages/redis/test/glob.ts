import { matchesGlob } from '@dashtam/cache-protocol/adapter'
import { startRedis } from '@dashtam/testkit'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import t from 'tap'

const text = (maxLength: number) => fc.string({ unit: fc.constantFrom(...'ab*?[]^-\\:!é0'), maxLength })

t.test('matchesGlob() decides as Redis does, over 5,000 random patterns', async t => {
  const server = await startRedis()
  const client = new Redis(server.url)
  t.teardown(async () => {
    client.disconnect()
    await server.stop()
  })
  const keys = [...new Set(fc.sample(text(6), { numRuns: 300, seed: 1 }))].filter(key => key !== '')
  await client.mset(keys.flatMap(key => [key, 'v']))
  await fc.assert(
    fc.asyncProperty(text(8), async pattern => {
      const byRedis = new Set(await client.keys(pattern))
      const differing = keys.filter(key => matchesGlob(pattern, key) !== byRedis.has(key))
      if (differing.length > 0) throw new Error(`'${pattern}' differs on ${JSON.stringify(differing)}`)
    }),
    { numRuns: 5_000, seed: 7 }
  )
  t.pass('no pattern differs')
})
