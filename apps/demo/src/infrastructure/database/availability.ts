/** Errors of the connection and of the system under it. */
const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH'
])

/** Connection exceptions, insufficient resources and operator intervention: PostgreSQL's documentation, appendix A. */
const SQLSTATE_CLASSES = ['08', '53', '57']

/** What `pg` says without a code: its pool or its socket gave up. */
const MESSAGES = /^(Connection terminated|timeout exceeded when trying to connect)/

/** Whether the database could not be asked, as opposed to having refused what was asked. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) return MESSAGES.test(error.message)
  return SYSTEM_CODES.has(code) || SQLSTATE_CLASSES.some(prefix => code.length === 5 && code.startsWith(prefix))
}

interface Logger {
  info(message: string): void
  warn(details: object, message: string): void
}

/** Logs that the database is gone, and that it is back, once each. */
export class DatabaseMonitor {
  readonly #log: Logger
  #queries = 0
  #isUp = true

  constructor(log: Logger) {
    this.#log = log
  }

  failed(err: unknown): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#log.warn({ err }, 'the database does not answer')
  }

  /** How many queries it has answered. */
  get queries(): number {
    return this.#queries
  }

  answered(): void {
    this.#queries++
    if (this.#isUp) return
    this.#isUp = true
    this.#log.info('the database answers again')
  }
}
