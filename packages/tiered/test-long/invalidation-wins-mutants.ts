// Each fence of the engine is needed: without it what has been invalidated is read again.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { ENGINE_MUTANTS, type EngineMutant } from '../test/fixtures/model/engine-mutants.ts'
import { expectViolation } from '../test/fixtures/model/expect.ts'
import { type Mutant, mutantArguments } from '../test/fixtures/model/mutants.ts'
import { startStandalone } from '../test/fixtures/model/servers.ts'

/** Most are caught by the first. */
const SEEDS = 10

t.setTimeout(3 * 3_600_000)

for (const mutant of ENGINE_MUTANTS) {
  t.test(`it shows when ${mutant.name}`, { skip: mutant.survives ?? false }, async t => {
    if (mutant.caughtBy === undefined) await expectCaughtByRun(t, mutant)
    else await expectCaughtByTest(t, mutant, mutant.caughtBy)
  })
}

async function expectCaughtByRun(t: Test, { faults = [], isMortal = false, ...mutant }: EngineMutant): Promise<void> {
  await using servers = await startStandalone()
  const options = { subject: 'engine', operations: 10_000, servers, faults, mutant } as const
  await expectViolation(t, { ...options, deaths: isMortal ? Infinity : 0 }, SEEDS)
}

async function expectCaughtByTest(t: Test, mutant: Mutant, file: string): Promise<void> {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url))
  const args = [...mutantArguments(mutant), '--conditions=@dashtam/source', path]
  const env = { ...process.env, _TAPJS_PROCESSINFO_COVERAGE_: '0' }
  // It has to fail in what it asserts.
  const run = promisify(execFile)(process.execPath, args, { env, maxBuffer: 16 * 1024 * 1024 })
  const { stdout } = await run.catch((failure: { readonly stdout: string }) => failure)
  t.match(stdout, /^not ok /m)
}
