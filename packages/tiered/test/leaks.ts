import t from 'tap'
import { leaks } from './fixtures/processes/leaks.ts'

t.setTimeout(60_000)

t.test('nothing leaks', t => leaks(t, { operations: 50_000, warming: 10_000, tags: 1_000, redisOperations: 5_000 }))
