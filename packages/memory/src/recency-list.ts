/** What can stand in a {@link RecencyList}: its neighbours are part of it, so that moving it allocates nothing. */
export interface Linked<Self> {
  older: Self | undefined
  newer: Self | undefined
}

/** The order in which entries were last used, as a doubly linked list: every step takes the same time. */
export class RecencyList<Entry extends Linked<Entry>> {
  oldest: Entry | undefined
  newest: Entry | undefined

  add(entry: Entry): void {
    entry.older = this.newest
    entry.newer = undefined
    if (this.newest === undefined) this.oldest = entry
    else this.newest.newer = entry
    this.newest = entry
  }

  remove(entry: Entry): void {
    const { older, newer } = entry
    if (older === undefined) this.oldest = newer
    else older.newer = newer
    if (newer === undefined) this.newest = older
    else newer.older = older
  }

  use(entry: Entry): void {
    if (entry === this.newest) return
    this.remove(entry)
    this.add(entry)
  }

  clear(): void {
    this.oldest = undefined
    this.newest = undefined
  }
}
