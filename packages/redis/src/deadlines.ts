/** A command under way. Linked to its neighbours, so that an answered one leaves at once and keeps nothing alive. */
export class Pending {
  isFinished = false
  previous: Pending | undefined
  next: Pending | undefined
  readonly startedTick: number
  readonly onDue: () => void

  constructor(startedTick: number, onDue: () => void) {
    this.startedTick = startedTick
    this.onDue = onDue
  }
}

/** So many ticks are waited for in full, and the one under way: a command is given up in the last ninth of its time. */
const TICKS = 8

/**
 * One deadline for every command, kept by one timer that ticks while any is under way. All have the same length, so the
 * list is in order of dueness and a tick only looks at its head. A timer per command costs more than the command itself.
 *
 * Counted in ticks and not by the clock: when this process has stalled, the answers wait in the socket, and what ran
 * out was its own time and not that of Redis.
 */
export class Deadlines {
  readonly #tickMs: number
  #tick = 0
  #size = 0
  #head: Pending | undefined
  #tail: Pending | undefined
  #timer: NodeJS.Timeout | undefined
  #idle: (() => void)[] = []

  constructor(lengthMs: number) {
    this.#tickMs = Math.max(1, Math.floor(lengthMs / (TICKS + 1)))
  }

  /** Calls `onDue` when the time is over, unless the returned entry is passed to `finish` before. */
  start(onDue: () => void): Pending {
    const pending = new Pending(this.#tick, onDue)
    pending.previous = this.#tail
    if (this.#tail === undefined) this.#head = pending
    else this.#tail.next = pending
    this.#tail = pending
    this.#size++
    // Unreferenced: while a command is under way its socket keeps the process alive.
    this.#timer ??= setInterval(() => this.#onTick(), this.#tickMs).unref()
    return pending
  }

  finish(pending: Pending): void {
    const { previous, next } = pending
    pending.isFinished = true
    this.#size--
    if (previous === undefined) this.#head = next
    else previous.next = next
    if (next === undefined) this.#tail = previous
    else next.previous = previous
    // One that has grown old must not keep its younger neighbours alive, or each becomes old in its turn.
    pending.previous = undefined
    pending.next = undefined
    if (this.#head === undefined && this.#idle.length > 0) this.#tellIdle()
  }

  /** How many commands are under way. */
  get size(): number {
    return this.#size
  }

  get isIdle(): boolean {
    return this.#head === undefined
  }

  /** Resolves as soon as no command is under way: after one deadline at most. */
  whenIdle(): Promise<void> {
    return this.isIdle ? Promise.resolve() : new Promise(resolve => this.#idle.push(resolve))
  }

  #onTick(): void {
    this.#tick++
    // The tick in which a command started was under way already.
    while (this.#head !== undefined && this.#tick - this.#head.startedTick > TICKS) {
      const due = this.#head
      this.finish(due)
      due.onDue()
    }
    if (this.#head === undefined) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  #tellIdle(): void {
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }
}
