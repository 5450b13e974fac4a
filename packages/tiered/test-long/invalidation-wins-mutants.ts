// Each fence of the engine is needed: without it what has been invalidated is read again, by test/invalidation-wins.ts's
// own measure.
import t from 'tap'
import { ENGINE_MUTANTS } from '../test/fixtures/model/engine-mutants.ts'
import { expectViolation } from '../test/fixtures/model/expect.ts'
import { startStandalone } from '../test/fixtures/model/servers.ts'

/** Most are caught by the first. */
const SEEDS = 6

t.setTimeout(7_200_000)

for (const { faults = [], isMortal = false, survives, ...mutant } of ENGINE_MUTANTS) {
  t.test(`a violation shows when ${mutant.name}`, { skip: survives ?? false }, async t => {
    await using servers = await startStandalone()
    const options = { subject: 'engine', operations: 10_000, servers, faults, mutant } as const
    await expectViolation(t, { ...options, deaths: isMortal ? Infinity : 0 }, SEEDS)
  })
}
