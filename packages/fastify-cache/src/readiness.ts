import type { FastifyBaseLogger } from 'fastify'

/** Resolves when what it stands for can be used, rejects when it cannot. */
export type ReadinessCheck = () => Promise<unknown>

/** A check that takes longer has failed: whoever asks has a deadline of its own, often a second. */
const CHECK_TIMEOUT_MS = 900

/** Runs the checks of what the app cannot do without, and logs each change once. */
export class Readiness {
  readonly #checks: readonly (readonly [name: string, check: ReadinessCheck])[]
  readonly #log: FastifyBaseLogger
  readonly #failing = new Set<string>()

  constructor(checks: Readonly<Record<string, ReadinessCheck>>, log: FastifyBaseLogger) {
    this.#checks = Object.entries(checks)
    this.#log = log
  }

  /** The names of the checks that fail; none means ready. */
  async failing(): Promise<string[]> {
    await Promise.all(this.#checks.map(([name, check]) => this.#run(name, check)))
    return [...this.#failing]
  }

  async #run(name: string, check: ReadinessCheck): Promise<void> {
    try {
      await withinDeadline(check())
      if (this.#failing.delete(name)) this.#log.info({ check: name }, 'ready again')
    } catch (err) {
      if (this.#failing.has(name)) return
      this.#failing.add(name)
      this.#log.error({ check: name, err }, 'not ready')
    }
  }
}

async function withinDeadline(check: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS)
  })
  try {
    await Promise.race([check, deadline])
  } finally {
    clearTimeout(timer)
  }
}
