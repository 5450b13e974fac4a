// Each fence of the engine is needed: without it what has been invalidated is read again.
import t, { type Test } from 'tap'
import { expectCaughtByTest } from '../test/fixtures/model/caught-by-test.ts'
import { ENGINE_MUTANTS, type EngineMutant } from '../test/fixtures/model/engine-mutants.ts'
import { expectViolation } from '../test/fixtures/model/expect.ts'
import { startStandalone } from '../test/fixtures/model/servers.ts'

/** Most are caught by the first. */
const SEEDS = 10

t.setTimeout(3 * 3_600_000)

for (const mutant of ENGINE_MUTANTS) {
  t.test(`it shows when ${mutant.name}`, { skip: mutant.survives ?? false }, async t => {
    if (mutant.caughtBy === undefined) await expectCaughtByRun(t, mutant)
    else await expectCaughtByTest(t, mutant, mutant.caughtBy)
  })
}

async function expectCaughtByRun(t: Test, { faults = [], isMortal = false, ...mutant }: EngineMutant): Promise<void> {
  await using servers = await startStandalone()
  const options = { subject: 'engine', operations: 10_000, servers, faults, mutant } as const
  await expectViolation(t, { ...options, deaths: isMortal ? Infinity : 0 }, SEEDS)
}
