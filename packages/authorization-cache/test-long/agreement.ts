// test/agreement.ts at length.
import t from 'tap'
import { expectAgreement } from '../test/fixtures/agreement.ts'

t.setTimeout(3_600_000)

for (const processes of [1, 4]) {
  t.test(`100,000 checks of ${processes} agree with Casbin at every step`, t =>
    expectAgreement(t, { processes, checks: 100_000 })
  )
}
