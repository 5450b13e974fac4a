import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import pLimit from 'p-limit'

export interface Step {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  /** Earlier steps that must have passed. */
  readonly needs?: readonly string[]
  /** Waits until every earlier step has ended: for tests that watch the clock. */
  readonly alone?: boolean
  /** Finds what is wrong with the output of a step that ended well. */
  readonly verify?: (output: string) => string | undefined
  /** What of a failed step's output to show. @defaultValue all of it */
  readonly digest?: (output: string) => string
}

export interface StepResult {
  readonly step: Step
  readonly outcome: 'ok' | 'FAILED' | 'NOT RUN'
  readonly output: string
  readonly seconds: number
}

export interface RunOptions {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** A step that takes longer has failed. */
  readonly timeoutMs: number
  /** Called as each step ends. */
  readonly report: (result: StepResult) => void
}

/** Runs the steps, as many at once as there are cores and as early as `needs` and `alone` allow. */
export function runSteps(steps: readonly Step[], options: RunOptions): Promise<StepResult[]> {
  const limit = pLimit(availableParallelism())
  const results = new Map<string, Promise<StepResult>>()

  const run = async (step: Step, earlier: readonly Promise<StepResult>[]) => {
    const broken = (await Promise.all(earlier)).filter(({ outcome }) => outcome !== 'ok').map(({ step }) => step.name)
    const unmet = broken.filter(name => step.needs?.includes(name))
    const result: StepResult =
      unmet.length > 0
        ? { step, outcome: 'NOT RUN', output: `needs ${unmet.join(', ')}\n`, seconds: 0 }
        : await limit(() => runStep(step, options))
    options.report(result)
    return result
  }

  for (const step of steps) {
    const earlier = [...results]
      .filter(([name]) => step.alone || step.needs?.includes(name))
      .map(([, result]) => result)
    results.set(step.name, run(step, earlier))
  }
  return Promise.all(results.values())
}

function runStep(step: Step, { cwd, env, timeoutMs }: RunOptions): Promise<StepResult> {
  const [file, ...args] = step.command
  const startedMs = performance.now()
  return new Promise(resolve => {
    const child = spawn(file, args, { cwd, env, timeout: timeoutMs, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const collect = (chunk: string) => {
      output += chunk
    }
    child.stdout.setEncoding('utf8').on('data', collect)
    child.stderr.setEncoding('utf8').on('data', collect)
    const end = (problem?: string) => {
      if (problem !== undefined) output += `\n${problem}\n`
      const seconds = (performance.now() - startedMs) / 1000
      resolve({ step, outcome: problem === undefined ? 'ok' : 'FAILED', output, seconds })
    }
    child.on('error', error => end(`could not start ${file}: ${error.message}`))
    child.on('close', (code, signal) => {
      if (code === 0) end(step.verify?.(output))
      else end(signal ? `ended by ${signal} (time limit: ${timeoutMs} ms)` : `exit code ${code}`)
    })
  })
}
