import t from 'tap'
import { leaks } from '../test/fixtures/processes/leaks.ts'

t.setTimeout(3_600_000)

t.test('nothing leaks', t =>
  leaks(t, { operations: 10_000_000, warming: 3_000_000, tags: 250_000, redisOperations: 500_000 })
)
