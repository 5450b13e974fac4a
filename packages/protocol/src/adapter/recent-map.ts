/**
 * A map of what was used last: at least `least` entries, and at most twice as many. What was not used since `least`
 * others were is forgotten, in bulk: to find the entry that is the oldest costs more than to keep some longer.
 */
export class RecentMap<V> {
  readonly #least: number
  #recent = new Map<string, V>()
  #older = new Map<string, V>()

  constructor(least: number) {
    this.#least = least
  }

  get(key: string): V | undefined {
    const value = this.#recent.get(key)
    if (value !== undefined) return value
    const older = this.#older.get(key)
    if (older !== undefined) this.set(key, older)
    return older
  }

  set(key: string, value: V): void {
    if (this.#recent.size >= this.#least) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(key, value)
  }
}
