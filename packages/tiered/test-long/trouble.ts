import t, { type Test } from 'tap'
import type { EngineOptions } from '../test/fixtures/processes/engine.ts'
import { demotion, FAULTS, type Fault, promotion } from '../test/fixtures/processes/faults.ts'
import { openPair } from '../test/fixtures/processes/pair.ts'
import { trouble } from '../test/fixtures/processes/trouble.ts'
import { openWorld } from '../test/fixtures/processes/world.ts'

t.setTimeout(900_000)

const LONGEST_MS = 10_000
const USUAL_MS = 3_000

for (const fault of Object.values(FAULTS)) {
  t.test(`2,000 reads a second go on while ${fault.name}`, async t => {
    await using world = await openWorld()
    const faultMs = fault === FAULTS.frozen ? LONGEST_MS : USUAL_MS
    await expectNoHarm(t, fault, faultMs, world.options, world.server)
  })
}

for (const fail of [promotion, demotion]) {
  t.test('2,000 reads a second go on while a replica takes over', async t => {
    await using world = await openWorld()
    await using pair = await openPair(world.server)
    const redis = { url: pair.wire.url }
    await expectNoHarm(t, fail(pair), USUAL_MS, { ...world.options, redis }, world.server)
  })
}

function expectNoHarm(
  t: Test,
  fault: Fault,
  faultMs: number,
  engine: EngineOptions,
  server: Parameters<typeof trouble>[1]['server']
): Promise<void> {
  const scale = { processes: 3, readsPerSecond: 2_000, faultMs, warmMs: 1_000, calmMs: 2_500, lateMs: 25 }
  return trouble(t, { ...scale, engine: { ...engine, heartbeatMs: 1_000 }, server, faults: [fault] })
}
