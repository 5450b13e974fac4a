// What does the port cost on top of the LRU beneath it?
import { InMemoryCache } from '@dashtam/cache-memory'
import { LRUCache } from 'lru-cache'
import { compare, printMachine } from './compare.ts'

const VALUE = 'x'.repeat(256)
const KEYS = 10_000
const OPERATIONS = 100_000

const lru = new LRUCache<string, string>({ max: KEYS })
const cache = new InMemoryCache({ keyspace: 'bench', maxEntries: KEYS })
const keys = Array.from({ length: KEYS }, (_, index) => `bench:user:${index}:profile`)
const keyAt = (index: number) => keys[(index * 7_919) % KEYS] as string
for (const key of keys) {
  lru.set(key, VALUE)
  await cache.set(key, VALUE)
}
printMachine('not used')

await compare({
  title: 'get of a hit',
  operations: OPERATIONS,
  expected: OPERATIONS,
  // "No slower than 1.3x": at least 1 / 1.3 of the operations per second.
  atLeast: 0.77,
  rounds: 100,
  contenders: [
    {
      name: 'await lru.get(key)',
      round: async () => {
        let right = 0
        for (let index = 0; index < OPERATIONS; index++) if ((await lru.get(keyAt(index))) === VALUE) right++
        return right
      }
    },
    {
      name: 'await InMemoryCache.get(key)',
      round: async () => {
        let right = 0
        for (let index = 0; index < OPERATIONS; index++) {
          const read = await cache.get(keyAt(index))
          if (read.ok && read.value === VALUE) right++
        }
        return right
      }
    }
  ]
})
