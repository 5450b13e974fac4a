import t from 'tap'
import { oneLoad } from './fixtures/processes/one-load.ts'

t.setTimeout(60_000)

t.test('one process loads for all', t =>
  oneLoad(t, { readersEach: 1_000, leaseMs: 600, noticeMs: 500, slowLoadMs: 2_500 })
)
