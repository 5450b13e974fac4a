import { randomId } from '@dashtam/cache-protocol/adapter'
import t from 'tap'

t.test('randomId() is 128 bits as base64url, and never comes twice', async t => {
  const ids = Array.from({ length: 10_000 }, () => randomId())
  t.equal(new Set(ids).size, ids.length)
  for (const id of ids) {
    const bytes = Buffer.from(id, 'base64url')
    if (bytes.length !== 16 || bytes.toString('base64url') !== id) t.fail(`no id: ${id}`)
  }
})

t.test('randomId() sets each of its bits in about half of the ids', async t => {
  const counts = new Array<number>(128).fill(0)
  const ids = 4_000
  for (let round = 0; round < ids; round++) {
    for (const [index, byte] of Buffer.from(randomId(), 'base64url').entries()) {
      for (let bit = 0; bit < 8; bit++) counts[index * 8 + bit] = (counts[index * 8 + bit] ?? 0) + ((byte >> bit) & 1)
    }
  }
  // Seven standard deviations: once in a billion runs.
  const margin = 7 * Math.sqrt(ids / 4)
  for (const count of counts) t.ok(Math.abs(count - ids / 2) < margin, `${count} of ${ids}`)
})
