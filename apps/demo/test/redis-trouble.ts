import t from 'tap'
import { survivesRedisTrouble } from './fixtures/redis-trouble.ts'

// Its long form is in `test-long`.
t.test('no request fails or takes a second while Redis is stopped, restarted and frozen', t =>
  survivesRedisTrouble(t, { connections: 20, wellMs: 1_000, stoppedMs: 1_000, frozenMs: 1_000 })
)
