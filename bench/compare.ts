import assert from 'node:assert/strict'
import { cpus } from 'node:os'

interface Contender {
  readonly name: string
  /** Does the work once, `operations` of it, and answers something that shows that it did. */
  readonly round: () => Promise<unknown>
}

export interface Comparison {
  readonly title: string
  /** How many operations a round is. */
  readonly operations: number
  /** The first is what the others are measured against. */
  readonly contenders: readonly [Contender, ...Contender[]]
  /** What every round must answer. */
  readonly expected: unknown
  /** The ratio to the first that the last contender is to reach. */
  readonly atLeast: number
  readonly rounds?: number
  /** Runs before each round, untimed. */
  readonly prepare?: () => Promise<void>
}

/**
 * Times contenders round by round, in turns: on a shared machine the seconds drift, and neighbours in time drift alike.
 * Prints the median of each and its ratio to the first, taken pair by pair. The order changes with each turn.
 */
export async function compare(comparison: Comparison): Promise<void> {
  const { title, operations, contenders, expected, atLeast, rounds = 30, prepare = async () => {} } = comparison
  const times = contenders.map(() => [] as number[])
  for (let round = -3; round < rounds; round++) {
    const order = [...contenders.keys()]
    if (round % 2 === 0) order.reverse()
    for (const index of order) {
      await prepare()
      const started = performance.now()
      const answer = await contenders[index]?.round()
      const elapsedMs = performance.now() - started
      assert.deepEqual(answer, expected, `${contenders[index]?.name} answers as expected`)
      if (round >= 0) times[index]?.push(elapsedMs)
    }
  }
  console.log(`\n${title}`)
  const [baseline = []] = times
  for (const [index, { name }] of contenders.entries()) {
    const own = times[index] ?? []
    const ratio = median(own.map((elapsedMs, round) => (baseline[round] ?? 0) / elapsedMs))
    const perSecond = Math.round((operations / median(own)) * 1_000).toLocaleString('en')
    const slowest = (percentile(own, 0.99) / operations) * 1_000
    const wanted = index === contenders.length - 1 ? `  (wanted: ${atLeast}x)` : ''
    console.log(
      `  ${name.padEnd(34)} ${perSecond.padStart(12)} op/s  p99 ${slowest.toFixed(2).padStart(8)} µs/op  ${ratio.toFixed(2)}x${wanted}`
    )
  }
}

/** `operations` calls of `call`, `concurrency` of them at a time; answers how many answers were as `isRight` wants them. */
export async function concurrently(
  operations: number,
  concurrency: number,
  call: (index: number) => Promise<boolean>
): Promise<number> {
  let next = 0
  let right = 0
  const worker = async () => {
    while (next < operations) if (await call(next++)) right++
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return right
}

export function printMachine(redisVersion: string): void {
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, Redis ${redisVersion}`)
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
