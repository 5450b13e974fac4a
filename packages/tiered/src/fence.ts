const NOBODY: readonly (() => void)[] = Object.freeze([])

/**
 * What happens to one slot while somebody in this process is concerned with it. Whoever asks the store about the slot
 * notes `moves` before and compares afterwards: if it has moved, the answer may be older than a change that this process
 * has been told of.
 *
 * @typeParam F - A read that others may join.
 */
export class Fence<F = unknown> {
  holders = 0
  moves = 0
  /** The read that others may join, as long as the fence has not moved since. */
  flight: F | undefined
  /** The read that loads because the store could not be asked. */
  unbacked: F | undefined
  #waiting: readonly (() => void)[] = NOBODY

  move(): void {
    this.moves++
    this.wake()
  }

  /** Has whoever waits look again. */
  wake(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = NOBODY
    for (const wake of waiting) wake()
  }

  /** Resolves when the fence has moved since `moves` was noted, when it is woken, or after `timeoutMs`. */
  moved(moves: number, timeoutMs: number): Promise<void> {
    if (this.moves !== moves) return Promise.resolve()
    return new Promise(resolve => {
      const wake = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter(other => other !== wake)
        resolve()
      }, timeoutMs)
      this.#waiting = [...this.#waiting, wake]
    })
  }
}
