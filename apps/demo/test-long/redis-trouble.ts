import t from 'tap'
import { survivesRedisTrouble } from '../test/fixtures/redis-trouble.ts'

t.test('no request fails or takes a second in half a minute of troubles with Redis', t =>
  survivesRedisTrouble(t, { connections: 50, wellMs: 7_000, stoppedMs: 4_000, frozenMs: 5_000 })
)
