// What has been invalidated is never read again: several processes on one Redis, over a network that delays, each read
// judged afterwards. test-long/ has it at length, with every fault, on a cluster, and without each of the engine's fences.
import t from 'tap'
import { ENGINE_MUTANTS } from './fixtures/model/engine-mutants.ts'
import { expectNoViolation, expectViolation, SEED } from './fixtures/model/expect.ts'
import { startStandalone } from './fixtures/model/servers.ts'

/** Of those that a thousand operations always show. */
const QUICK = 'a message leaves what is in memory trusted'

t.setTimeout(60_000)
t.jobs = 3 // they wait more than they work

t.test(`nothing is read that has been invalidated, though processes die (MODEL_SEED=${SEED})`, async t => {
  await using servers = await startStandalone()
  const options = { subject: 'engine', operations: 4_000, servers, faults: [], areMortal: true } as const
  await expectNoViolation(t, options)
})

t.test('plain cache-aside serves what has been invalidated', async t => {
  await using servers = await startStandalone()
  const options = { subject: 'cache-aside', operations: 1_000, servers, faults: [], areMortal: false } as const
  await expectViolation(t, { ...options, processes: 2 })
})

t.test(`so does the engine when ${QUICK}`, async t => {
  await using servers = await startStandalone()
  const mutant = ENGINE_MUTANTS.find(({ name }) => name === QUICK)
  const options = { subject: 'engine', operations: 1_000, servers, faults: [], areMortal: false } as const
  await expectViolation(t, { ...options, processes: 2, ...(mutant && { mutant }) })
})
