import t from 'tap'
import { oneLoad } from '../test/fixtures/processes/one-load.ts'

t.setTimeout(600_000)

t.test('one process loads for all', t =>
  oneLoad(t, { readersEach: 1_000, leaseMs: 3_000, noticeMs: 100, slowLoadMs: 20_000 })
)
