import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startRedis } from '@dashtam/testkit'
import t from 'tap'
import type { Errand, Taken } from './fixtures/taker.ts'

const run = promisify(execFile)
const TAKER = fileURLToPath(new URL('./fixtures/taker.ts', import.meta.url))
const PROCESSES = 4
const FOR_MS = 2_000

const LIMITS = {
  'whole milliseconds': { capacity: 500, refillSeconds: 1 },
  'less than milliseconds can tell': { capacity: 700, refillSeconds: 0.6 }
}

for (const [what, limit] of Object.entries(LIMITS)) {
  for (const maxRefusals of [0, 10_000]) {
    t.test(
      `four processes never get more than there is in any span of time: tokens of ${what}, ${maxRefusals} refusals remembered`,
      async t => {
        await using server = await startRedis()
        const errand: Errand = { url: server.url, keyspace: 'fleet', ...limit, forMs: FOR_MS, maxRefusals }
        const args = ['--conditions=@dashtam/source', TAKER, JSON.stringify(errand)]
        const env = { PATH: process.env.PATH, _TAPJS_PROCESSINFO_COVERAGE_: '0' }
        const outputs = await Promise.all(
          Array.from({ length: PROCESSES }, () => run(process.execPath, args, { env, maxBuffer: 64 * 1024 * 1024 }))
        )
        const perProcess = outputs.map(({ stdout }) => JSON.parse(stdout) as Taken[])
        const taken = perProcess.flat()
        const { capacity, refillSeconds } = limit
        const perMs = capacity / (refillSeconds * 1_000)
        t.comment(`${perProcess.map(({ length }) => length).join(' + ')} taken`)
        t.ok(taken.length > capacity + 0.7 * FOR_MS * perMs, 'what there is, they get')
        t.strictSame(worstSpan(taken, capacity, perMs), undefined)
      }
    )
  }
}

/**
 * A span in which more was taken than there was. What was sent after its beginning and heard of before its end was taken
 * within it, so that the way there and back makes no difference.
 */
function worstSpan(taken: readonly Taken[], capacity: number, perMs: number) {
  const bySent = [...taken].sort(([a], [b]) => a - b)
  for (const [from, [fromMs]] of bySent.entries()) {
    const heard = bySent
      .slice(from)
      .map(([, heardMs]) => heardMs)
      .sort((a, b) => a - b)
    for (const [index, toMs] of heard.entries()) {
      // The clock of the server ticks in milliseconds.
      const most = capacity + (toMs - fromMs + 1) * perMs
      if (index + 1 > most) return { taken: index + 1, most, spanMs: toMs - fromMs }
    }
  }
  return undefined
}
