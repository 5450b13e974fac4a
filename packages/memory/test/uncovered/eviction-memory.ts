import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BoundedStore } from '@dashtam/cache-memory'
import t from 'tap'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

t.test('set() of ever new keys, each used once, takes no more memory than a full store', async t => {
  const store = new BoundedStore<number>({
    maxEntries: 1_000,
    maxBytes: 1_000,
    weigh: () => 1,
    maxEntryBytes: 1,
    seed: 1
  })
  const churn = (from: number, to: number) => {
    for (let index = from; index < to; index++) store.set(`key:${index}`, index, Infinity)
    return heapBytes()
  }
  const full = churn(0, 50_000)
  const later = churn(50_000, 500_000)
  t.ok(later - full < 500_000, `${later - full} bytes more after 450,000 keys, a byte or so for each would show`)
  t.equal(store.stats().entries, 1_000)
})

t.test('a store costs little before it holds anything, whatever its bounds', async t => {
  const before = heapBytes()
  const stores = Array.from({ length: 100 }, () => {
    const store = new BoundedStore<number>({ maxEntries: 1e12, maxBytes: 1e15, weigh: () => 1 })
    store.set('a', 1, Infinity)
    return store
  })
  const perStore = (heapBytes() - before) / stores.length
  t.ok(perStore < 20_000, `${perStore} bytes`)
})

function heapBytes(): number {
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
