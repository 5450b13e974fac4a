/** A command under way. Linked to its neighbours, so that an answered one leaves at once and keeps nothing alive. */
export class Pending {
  isFinished = false
  previous: Pending | undefined
  next: Pending | undefined
  readonly dueMs: number
  readonly onDue: () => void

  constructor(dueMs: number, onDue: () => void) {
    this.dueMs = dueMs
    this.onDue = onDue
  }
}

/**
 * One deadline for every command, kept by one timer. All have the same length, so the list is in order of dueness and
 * the timer only ever looks at its head. A timer per command costs more than the command itself.
 */
export class Deadlines {
  readonly #lengthMs: number
  #head: Pending | undefined
  #tail: Pending | undefined
  #timer: NodeJS.Timeout | undefined
  #idle: (() => void)[] = []

  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs
  }

  /** Calls `onDue` when the time is over, unless the returned entry is passed to `finish` before. */
  start(onDue: () => void): Pending {
    const pending = new Pending(performance.now() + this.#lengthMs, onDue)
    pending.previous = this.#tail
    if (this.#tail === undefined) this.#head = pending
    else this.#tail.next = pending
    this.#tail = pending
    if (this.#timer === undefined) this.#arm(this.#lengthMs)
    return pending
  }

  finish(pending: Pending): void {
    const { previous, next } = pending
    pending.isFinished = true
    if (previous === undefined) this.#head = next
    else previous.next = next
    if (next === undefined) this.#tail = previous
    else next.previous = previous
    if (this.#head === undefined && this.#idle.length > 0) this.#tellIdle()
  }

  get isIdle(): boolean {
    return this.#head === undefined
  }

  /** Resolves as soon as no command is under way: after one deadline at most. */
  whenIdle(): Promise<void> {
    return this.#head === undefined ? Promise.resolve() : new Promise(resolve => this.#idle.push(resolve))
  }

  #arm(delayMs: number): void {
    // Unreferenced: while a command is under way its socket keeps the process alive.
    this.#timer = setTimeout(() => this.#expire(), delayMs).unref()
  }

  #expire(): void {
    this.#timer = undefined
    const nowMs = performance.now()
    while (this.#head !== undefined && this.#head.dueMs <= nowMs) {
      const due = this.#head
      this.finish(due)
      due.onDue()
    }
    if (this.#head !== undefined) this.#arm(Math.ceil(this.#head.dueMs - nowMs))
  }

  #tellIdle(): void {
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }
}
