import t from 'tap'
import { expectAgreement } from './fixtures/agreement.ts'

t.setTimeout(120_000)

for (const processes of [1, 4]) {
  t.test(`4,000 checks of ${processes} agree with Casbin at every step`, t =>
    expectAgreement(t, { processes, checks: 4_000 })
  )
}
