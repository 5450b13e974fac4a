import t from 'tap'
import { leaks } from './fixtures/processes/leaks.ts'

t.setTimeout(60_000)

t.test('nothing leaks', t => leaks(t, { operations: 100_000, warming: 20_000, tags: 1_000, redisOperations: 10_000 }))
