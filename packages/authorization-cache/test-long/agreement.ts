// test/agreement.ts at length.
import t from 'tap'
import { agreesInOneProcess, agreesInProcesses } from '../test/fixtures/agreements.ts'

t.setTimeout(3_600_000)

t.test('100,000 checks agree with Casbin at every step', t => agreesInOneProcess(t, 100_000))

t.test('100,000 strong checks in four processes agree with Casbin at every step', t => agreesInProcesses(t, 4, 100_000))
