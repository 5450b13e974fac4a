import t from 'tap'
import { expectCaught, runSeeds } from './fixtures/simulation/in-a-process.ts'
import { MUTANTS } from './fixtures/simulation/mutants.ts'

t.setTimeout(120_000)

/** Those that a few thousand operations always show. The long form has all of them. */
const QUICK = [
  'a message leaves memory alone',
  'a message moves no fence',
  'suspect values are hits',
  'entries are served without their generations',
  'suspect values are confirmed whatever the store holds'
]

t.test('several processes on one store never read what has been invalidated', async t => {
  const report = await runSeeds(undefined, { from: 1, count: 10, operations: 2_000 })
  t.comment(JSON.stringify(report))
  t.equal(report.violations, 0, `seed ${report.seed}`)
  t.ok(
    report.hits > 100 && report.loads > 100 && report.fenced > 10,
    'in a run in which something was cached and refused'
  )
})

for (const mutant of MUTANTS.filter(({ name }) => QUICK.includes(name))) {
  t.test(`a violation shows when ${mutant.name}`, async t => {
    await expectCaught(t, mutant, 5)
  })
}
