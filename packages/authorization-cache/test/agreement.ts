import t from 'tap'
import { agreesInOneProcess, agreesInProcesses } from './fixtures/agreements.ts'

t.setTimeout(120_000)

t.test('4,000 checks agree with Casbin at every step', t => agreesInOneProcess(t, 4_000))

t.test('1,000 strong checks in four processes agree with Casbin at every step', t => agreesInProcesses(t, 4, 1_000))
