// Real processes, a real table, a real Redis, and what befalls them; test-long/session-run.ts is the same at length.
import t from 'tap'
import { expectForgotten, expectNoViolation, expectViolation, type Length, SEED } from './fixtures/expect-sessions.ts'
import type { MutantName } from './fixtures/session-mutants.ts'

t.setTimeout(300_000)

const LENGTH: Length = { operations: 2_000, pause: 400 }

t.test(`what has ended is not accepted, whatever breaks (SESSION_SEED=${SEED})`, async t => {
  const { refusals, faults } = await expectNoViolation(t, LENGTH)
  const hasFailed = Object.keys(faults).some(what => what.startsWith('Redis'))
  t.ok(hasFailed, 'Redis has been broken')
  const { 'same process': own = 0, strong = 0, ordinary = 0 } = refusals
  t.ok(Math.min(own, strong, ordinary) > 0, 'sessions were asked for that had ended, here and elsewhere')
})

t.test('what a server has ended that could not tell anybody and died is looked up again', async t => {
  await expectForgotten(t, { verifySeconds: 3 })
})

const MUTANTS: readonly MutantName[] = [
  'sessions are cached for a minute, and no process tells another',
  'the end of all sessions of a user changes no tag',
  'what is saved is stored, whatever has become of the session'
]

for (const mutant of MUTANTS) {
  t.test(`it shows when ${mutant}`, t => expectViolation(t, mutant, LENGTH))
}
