import t from 'tap'
import { FRACTIONS_OF_MILLISECONDS, fleetNeverGetsMore, WHOLE_MILLISECONDS } from './fixtures/fleet.ts'

const forMs = 1_000

t.test('four processes never get more than there is: whole milliseconds a token, refusals remembered', t =>
  fleetNeverGetsMore(t, WHOLE_MILLISECONDS, { forMs, maxRefusals: 10_000 })
)

t.test('four processes never get more than there is: fractions of a millisecond, every refusal asked for', t =>
  fleetNeverGetsMore(t, FRACTIONS_OF_MILLISECONDS, { forMs, maxRefusals: 0 })
)
