import t from 'tap'
import { idsOf, MemoryFleet } from './fixtures/fleet/memory-fleet.ts'

t.test('lookup() passes over what was loaded while the store could not be asked', async t => {
  const fleet = new MemoryFleet()
  const here = fleet.open()
  const there = fleet.open()
  let version = 0
  const family = here.cache.family(idsOf('a'), { load: () => ++version })
  here.faults.set('every', 'connection')
  t.equal(await family.get({ id: 1 }), 1)
  here.faults.clear()
  // From then on no generation is known here, and what was loaded without the store has none to compare.
  await there.cache.clear()
  for (const consistency of ['strong', 'eventual'] as const) {
    t.strictSame(await family.lookup({ id: 1 }, { consistency }), { ok: true, value: { kind: 'miss' } })
  }
  t.equal(await family.get({ id: 1 }), 2)
})
