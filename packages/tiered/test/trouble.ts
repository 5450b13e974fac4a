import t from 'tap'
import { FAULTS } from './fixtures/processes/faults.ts'
import { trouble } from './fixtures/processes/trouble.ts'
import { openWorld } from './fixtures/processes/world.ts'

t.setTimeout(120_000)

t.test('requests go on while Redis is in trouble', async t => {
  await using world = await openWorld()
  await trouble(t, {
    engine: { ...world.options, heartbeatMs: 300 },
    server: world.server,
    faults: [FAULTS.frozen, FAULTS.withoutReplicas, FAULTS.oldSnapshot],
    processes: 2,
    readsPerSecond: 400,
    faultMs: 1_500,
    warmMs: 500,
    calmMs: 500,
    lateMs: 250
  })
})
