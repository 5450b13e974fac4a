import t from 'tap'
import { FRACTIONS_OF_MILLISECONDS, fleetNeverGetsMore, WHOLE_MILLISECONDS } from '../test/fixtures/fleet.ts'

const forMs = 5_000

for (const [what, limit] of Object.entries({ WHOLE_MILLISECONDS, FRACTIONS_OF_MILLISECONDS })) {
  for (const maxRefusals of [0, 10_000]) {
    t.test(`four processes never get more than there is: ${what}, ${maxRefusals} refusals remembered`, t =>
      fleetNeverGetsMore(t, limit, { forMs, maxRefusals })
    )
  }
}
