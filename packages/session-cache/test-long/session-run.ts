// Real processes, a real table, a real Redis, and what befalls them; and with the default of a minute until what nobody has heard of is looked up again.
import t from 'tap'
import { expectForgotten, expectNoViolation, expectViolation, SEED } from '../test/fixtures/expect-sessions.ts'
import { MUTANTS, type MutantName } from '../test/fixtures/session-mutants.ts'

t.setTimeout(3_600_000)

t.test(`what has ended is not accepted, whatever breaks (SESSION_SEED=${SEED})`, async t => {
  const { refusals, faults, lost } = await expectNoViolation(t, { operations: 50_000, pause: 2_500 })
  t.equal(Object.keys(faults).length, 4, 'Redis and a wire have been broken in two ways')
  t.ok(lost > 0, 'of some operations nobody knows what has become')
  for (const rule of ['same process', 'strong', 'ordinary', 'ordinary in trouble', 'not acknowledged']) {
    t.ok((refusals[rule] ?? 0) > 100, `sessions that had ended were asked for: ${rule}`)
  }
})

/** It shows when nobody is left who could tell, and nothing else makes the others look. */
const LOOKED_UP: MutantName = 'sessions are not looked up again'

t.test('what a server has ended that could not tell anybody and died is looked up again', async t => {
  await expectForgotten(t, { verifySeconds: 55 })
})

t.test(`it shows when ${LOOKED_UP}`, t => expectForgotten(t, { verifySeconds: 3, mutant: LOOKED_UP }))

for (const mutant of Object.keys(MUTANTS) as MutantName[]) {
  if (mutant === LOOKED_UP) continue
  t.test(`it shows when ${mutant}`, t => expectViolation(t, mutant, { operations: 20_000, pause: 1_500 }))
}
