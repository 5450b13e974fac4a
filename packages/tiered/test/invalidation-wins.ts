// What has been invalidated is never read again: several processes on one Redis, over a network that delays, each read
// judged afterwards. test-long/ has it at length, with every fault, on a cluster, and without each of the engine's fences.
import t from 'tap'
import { ENGINE_MUTANTS } from './fixtures/model/engine-mutants.ts'
import { expectNoViolation, expectViolation, SEED } from './fixtures/model/expect.ts'
import { startStandalone } from './fixtures/model/servers.ts'

/** The fence whose absence some hundred operations always show. */
const QUICK = 'an entry is valid whatever its generations are'
const SEEDS = 3

t.setTimeout(120_000)
t.jobs = 3 // they wait more than they work

t.test(`nothing is read that has been invalidated, though processes die (MODEL_SEED=${SEED})`, async t => {
  await using servers = await startStandalone()
  await expectNoViolation(t, { subject: 'engine', operations: 3_000, servers, deaths: 2, processes: 3 })
})

t.test('plain cache-aside serves what has been invalidated', async t => {
  await using servers = await startStandalone()
  await expectViolation(t, { subject: 'cache-aside', operations: 700, servers, processes: 2 }, SEEDS)
})

t.test(`so does the engine when ${QUICK}`, async t => {
  await using servers = await startStandalone()
  const mutant = ENGINE_MUTANTS.find(({ name }) => name === QUICK)
  if (mutant === undefined) throw new Error('there is no such mutant')
  await expectViolation(t, { subject: 'engine', operations: 700, servers, processes: 2, mutant }, SEEDS)
})
