import fc from 'fast-check'
import t from 'tap'
import { LatencyHistogram } from '../src/latency-histogram.ts'

const histogramOf = (durationsMs: readonly number[]) => {
  const histogram = new LatencyHistogram()
  for (const each of durationsMs) histogram.record(each)
  return histogram
}

/** Nearest rank: the smallest duration that `percent` of all are not above. */
const exactPercentile = (durationsMs: readonly number[], percent: number) => {
  const sorted = [...durationsMs].sort((a, b) => a - b)
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? Number.NaN
}

/** 0.1 ns to 100 s, as many small ones as large ones. */
const durationMs = fc.double({ min: -7, max: 5, noNaN: true }).map(exponent => 10 ** exponent)

t.test('stats() tells percentiles within 5 % of the exact ones, or 50 ns', async t => {
  fc.assert(
    fc.property(fc.array(durationMs, { minLength: 1, maxLength: 400 }), durationsMs => {
      const stats = histogramOf(durationsMs).stats()
      for (const [percent, estimate] of [
        [50, stats.p50Ms],
        [95, stats.p95Ms],
        [99, stats.p99Ms]
      ] as const) {
        const exact = exactPercentile(durationsMs, percent)
        // Half a nanosecond because durations are counted in whole ones.
        const allowed = Math.max(exact * 0.05, 0.000_05) + 0.000_000_5
        if (Math.abs(estimate - exact) > allowed) throw new Error(`p${percent} is ${estimate}, should be ${exact}`)
      }
    }),
    { numRuns: 1_000 }
  )
  t.pass('for every set tried')
})

t.test('stats() counts and averages exactly, to the nanosecond', async t => {
  const { count, meanMs } = histogramOf([0.1, 0.2, 0.9]).stats()
  t.equal(count, 3)
  t.equal(meanMs, 0.4)
})

t.test('stats() is all zero when nothing was recorded', async t => {
  t.strictSame(new LatencyHistogram().stats(), { count: 0, meanMs: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0 })
})

t.test('record() puts a duration into the bucket that it bounds', async t => {
  const boundOf = (durationMs: number) => histogramOf([durationMs]).snapshot().buckets[0]?.upperBoundMs
  for (const boundMs of [0.0001, 0.001, 0.0099, 0.01, 0.011, 0.1, 0.25, 1, 2.5, 10, 99, 100, 1_000, 99_000]) {
    t.equal(boundOf(boundMs), boundMs)
    t.ok((boundOf(boundMs + 0.000_001) ?? 0) > boundMs, 'a nanosecond more is above it')
  }
})

t.test('record() counts a clock that was set back as 0, and more than 100 s as 100 s', async t => {
  const { count, sumMs, buckets } = histogramOf([-5, Number.NaN, 0, 200_000, Infinity]).snapshot()
  t.equal(count, 5)
  t.equal(sumMs, 200_000)
  t.strictSame(buckets, [
    { upperBoundMs: 0.0001, count: 3 },
    { upperBoundMs: 100_000, count: 2 }
  ])
})

t.test('add() adds, and counts on where 32 bits end', async t => {
  const histogram = histogramOf([1, 1, 7])
  histogram.add(histogramOf([7, 20]))
  t.strictSame(histogram.snapshot(), {
    count: 5,
    sumMs: 36,
    buckets: [
      { upperBoundMs: 1, count: 2 },
      { upperBoundMs: 7, count: 2 },
      { upperBoundMs: 20, count: 1 }
    ]
  })
  for (let times = 0; times < 33; times++) histogram.add(histogram)
  t.equal(histogram.stats().count, 5 * 2 ** 33)
  t.equal(histogram.stats().meanMs, 36 / 5)
})

t.test('reset() forgets all of it', async t => {
  const histogram = histogramOf([1, 2, 3])
  histogram.reset()
  t.strictSame(histogram.snapshot(), { count: 0, sumMs: 0, buckets: [] })
})
