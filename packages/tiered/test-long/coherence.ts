import t from 'tap'
import { coherence } from '../test/fixtures/processes/coherence.ts'

t.setTimeout(1_800_000)

t.test('processes follow each other', t => coherence(t, { writes: 1_000, faultMs: 2_000, heartbeatMs: 1_000 }))
