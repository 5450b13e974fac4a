import t from 'tap'
import { expectCaughtByTest } from '../test/fixtures/model/caught-by-test.ts'
import { expectCaught, runSeeds } from '../test/fixtures/simulation/in-a-process.ts'
import { MUTANTS } from '../test/fixtures/simulation/mutants.ts'

t.setTimeout(3_600_000)

t.test('several processes on one store never read what has been invalidated: 500,000 operations', async t => {
  const report = await runSeeds(undefined, { from: 1_000, count: 125, operations: 4_000 })
  t.comment(JSON.stringify(report))
  t.equal(report.violations, 0, `seed ${report.seed}`)
})

for (const mutant of MUTANTS) {
  t.test(`a violation shows when ${mutant.name}`, async t => {
    if (mutant.caughtBy === undefined) await expectCaught(t, mutant, 400)
    else await expectCaughtByTest(t, mutant, mutant.caughtBy)
  })
}
