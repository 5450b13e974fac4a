// test/invalidation-wins.ts at length: 200,000 operations on each kind of server, with every fault.
import t from 'tap'
import { expectNoViolation, expectViolation, SEED } from '../test/fixtures/model/expect.ts'
import { MOMENTS } from '../test/fixtures/model/messages.ts'
import { startCluster, startStandalone } from '../test/fixtures/model/servers.ts'
import { FAULTS } from '../test/fixtures/model/troubles.ts'

t.setTimeout(3_600_000)

for (const [place, start] of [
  ['one server', startStandalone],
  ['three masters and three replicas', startCluster]
] as const) {
  t.test(`on ${place} nothing is read that has been invalidated (MODEL_SEED=${SEED})`, async t => {
    await using servers = await start()
    const options = { subject: 'engine', operations: 200_000, servers, faults: FAULTS, deaths: Infinity } as const
    const { deaths, unfinished, faults, invalidations } = await expectNoViolation(t, options)
    t.strictSame(Object.keys(deaths).sort(), [...MOMENTS].sort(), 'processes have died at every moment')
    t.ok(unfinished > 0, 'some of them between a commit and its end')
    t.ok(faults > 50, 'the network and the servers have failed')
    for (const call of ['mutate', 'set', 'invalidate', 'invalidateTags', 'clear']) {
      const { [`${call} ok`]: acknowledged = 0, [`${call} pending`]: pending = 0 } = invalidations
      t.ok(acknowledged > 0 && pending > 0, `${call} was acknowledged, and was pending`)
    }
  })

  t.test(`on ${place} plain cache-aside serves what has been invalidated`, async t => {
    await using servers = await start()
    const options = { subject: 'cache-aside', operations: 20_000, servers, faults: FAULTS, deaths: Infinity } as const
    await expectViolation(t, options)
  })
}
