export interface Counts {
  readonly passed: number
  readonly failed: number
}

/** The assertions that tap's closing line counts (`# { total: 3, pass: 2, fail: 1 }`). */
export function countAssertions(tapOutput: string): Counts {
  const summary = tapOutput.match(/^# \{ total: .*\}$/m)?.[0] ?? ''
  const count = (name: string) => Number(summary.match(new RegExp(`\\b${name}: (\\d+)`))?.[1] ?? 0)
  return { passed: count('pass'), failed: count('fail') }
}

/** Why a run that tap calls good proves nothing, if so. */
export function findDoubt(tapOutput: string, covers: boolean): string | undefined {
  // tap goes on with its defaults, which are not ours: the tests would run against the last build.
  if (/^Error loading /m.test(tapOutput)) return 'tap could not read its settings'
  if (covers && /^# No coverage generated$/m.test(tapOutput)) return 'no coverage was taken'
  return countAssertions(tapOutput).passed === 0 ? 'no test ran' : undefined
}

/** The output without the test files that passed. */
export function withoutPassedFiles(tapOutput: string): string {
  return tapOutput.replace(/^# Subtest: .*\n(?:(?: {4}.*)?\n)*ok \d+ - .*\n+/gm, '')
}
