import type { WarmProgress } from '@dashtam/cache-protocol'
import t from 'tap'
import { type Id, idsOf, MemoryFleet, turn } from './fixtures/fleet/memory-fleet.ts'

const ids = (count: number): Id[] => Array.from({ length: count }, (_, id) => ({ id }))

/** A family, how many loads are under way, and the most there were. */
function opened(failing: readonly number[] = []) {
  const fleet = new MemoryFleet()
  const loads = { all: [] as number[], now: 0, most: 0 }
  const family = fleet.open().cache.family<Id, number>(idsOf('a'), {
    load: async ({ id }) => {
      loads.all.push(id)
      loads.now++
      loads.most = Math.max(loads.most, loads.now)
      await turn()
      loads.now--
      if (failing.includes(id)) throw new Error('no')
      return id
    }
  })
  return { family, loads, fleet }
}

t.test('warm() loads what is not cached yet, and tells how far it is', async t => {
  const { family, loads } = opened([3])
  await family.get({ id: 1 })
  const told: WarmProgress[] = []
  const warmed = await family.warm(ids(5), { concurrency: 1, onProgress: progress => told.push(progress) })
  t.strictSame(warmed, { done: 5, hits: 1, failed: 1 })
  t.strictSame(
    told.map(({ done }) => done),
    [1, 2, 3, 4, 5]
  )
  t.strictSame(told[1], { done: 2, hits: 1, failed: 0 })
  t.strictSame(loads.all, [1, 0, 2, 3, 4])
  t.strictSame(await family.warm(ids(3)), { done: 3, hits: 3, failed: 0 })
  t.equal(loads.all.length, 5)
})

t.test('warm() loads eight at a time, or as many as it is told', async t => {
  for (const [concurrency, most] of [
    [undefined, 8],
    [3, 3],
    [100, 20]
  ] as const) {
    const { family, loads } = opened()
    await family.warm(ids(20), concurrency === undefined ? {} : { concurrency })
    t.equal(loads.most, most)
    t.equal(loads.all.length, 20)
  }
})

t.test('warm() takes parameters as they come, no faster than it loads them', async t => {
  const { family, loads } = opened()
  let taken = 0
  let isReleased = false
  async function* cursor() {
    try {
      for (const each of ids(20)) {
        taken++
        yield each
        t.ok(taken - loads.all.length <= 3)
      }
    } finally {
      isReleased = true
    }
  }
  t.strictSame(await family.warm(cursor(), { concurrency: 2 }), { done: 20, hits: 0, failed: 0 })
  t.equal(isReleased, true)
})

t.test(
  'warm() stops when it is aborted, after what is under way, and lets go of where its parameters come from',
  async t => {
    const { family, loads } = opened()
    const stopping = new AbortController()
    let isReleased = false
    function* endless() {
      try {
        for (let id = 0; ; id++) yield { id }
      } finally {
        isReleased = true
      }
    }
    const onProgress = ({ done }: WarmProgress) => {
      if (done === 6) stopping.abort()
    }
    const { done, failed } = await family.warm(endless(), { concurrency: 3, onProgress, signal: stopping.signal })
    t.ok(done >= 6 && done <= 8)
    t.equal(failed, 0)
    t.equal(loads.all.length, done)
    t.equal(isReleased, true)
    t.strictSame(await family.warm(ids(3), { signal: AbortSignal.abort() }), { done: 0, hits: 0, failed: 0 })
  }
)

t.test('warm() rejects with what its parameters or onProgress throw, and stops', async t => {
  const { family, loads } = opened()
  function* broken() {
    yield* ids(3)
    throw new Error('no cursor')
  }
  await t.rejects(family.warm(broken(), { concurrency: 2 }), { message: 'no cursor' })
  const onProgress = () => {
    throw new Error('no listener')
  }
  await t.rejects(family.warm(ids(1_000), { concurrency: 2, onProgress }), { message: 'no listener' })
  await turn()
  const { length } = loads.all
  await turn()
  t.equal(loads.all.length, length)
})

t.test('warm() refuses a concurrency that is none', async t => {
  const { family } = opened()
  for (const concurrency of [0, -1, 1.5, NaN, '8']) {
    await t.rejects(family.warm([], { concurrency: concurrency as number }), {
      name: 'TypeError',
      message: `concurrency must be an integer of at least 1, got ${concurrency}`
    })
  }
})
