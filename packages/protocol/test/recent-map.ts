import { RecentMap } from '@dashtam/cache-protocol/adapter'
import t from 'tap'

t.test('RecentMap keeps at least so many of those that were used last', async t => {
  const map = new RecentMap<number>(3)
  for (let key = 0; key < 100; key++) {
    map.set(String(key), key)
    const last = [key - 2, key - 1, key].filter(used => used >= 0)
    t.strictSame(
      last.map(used => map.get(String(used))),
      last
    )
  }
  t.equal(map.get('never'), undefined)
})

t.test('RecentMap does not forget what is used again and again', async t => {
  const map = new RecentMap<number>(3)
  map.set('used', 1)
  for (let key = 0; key < 100; key++) {
    map.set(String(key), key)
    t.equal(map.get('used'), 1)
  }
})

t.test('RecentMap forgets the others, and has at most twice as many', async t => {
  for (let used = 1; used < 20; used++) {
    // To look for a key is to use it: there is a map for each.
    const isKept = (key: number) => {
      const map = new RecentMap<number>(3)
      for (let again = 0; again < used; again++) map.set(String(again), again)
      return map.get(String(key)) !== undefined
    }
    const kept = Array.from({ length: used }, (_, key) => key).filter(isKept)
    t.ok(kept.length >= Math.min(3, used) && kept.length <= 6, `${kept.length} of ${used}`)
    t.equal(kept.at(-1), used - 1)
  }
})

t.test('RecentMap has the last value of a key', async t => {
  const map = new RecentMap<number>(1)
  for (const value of [1, 2, 3]) {
    map.set('key', value)
    map.set('other', 0)
    t.equal(map.get('key'), value)
  }
})
