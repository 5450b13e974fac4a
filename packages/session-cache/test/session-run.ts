// The short form of test-long/session-run.ts.
import t from 'tap'
import { expectNoViolation, SEED } from './fixtures/expect-sessions.ts'

t.setTimeout(120_000)

t.test(`what has ended is not accepted, whatever breaks (SESSION_SEED=${SEED})`, async t => {
  await expectNoViolation(t, { operations: 1_000, pause: 200 })
})
