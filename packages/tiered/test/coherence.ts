import t from 'tap'
import { coherence } from './fixtures/processes/coherence.ts'

t.setTimeout(60_000)

t.test('processes follow each other', t => coherence(t, { writes: 30, faultMs: 300, heartbeatMs: 300 }))
