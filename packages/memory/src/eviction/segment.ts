import { type Linked, RecencyList } from '../recency-list.ts'

/** What a {@link Segment} must know of an entry. */
export interface Weighed<Self extends Weighed<Self>> extends Linked<Self> {
  bytes: number
  segment: Segment<Self> | undefined
}

/** A recency list that knows how much is in it; and its entries know where they are. */
export class Segment<Entry extends Weighed<Entry>> extends RecencyList<Entry> {
  entries = 0
  bytes = 0

  override add(entry: Entry): void {
    super.add(entry)
    entry.segment = this
    this.entries++
    this.bytes += entry.bytes
  }

  override remove(entry: Entry): void {
    super.remove(entry)
    entry.segment = undefined
    this.entries--
    this.bytes -= entry.bytes
  }

  override clear(): void {
    super.clear()
    this.entries = 0
    this.bytes = 0
  }

  exceeds(maxEntries: number, maxBytes: number): boolean {
    return this.entries > maxEntries || this.bytes > maxBytes
  }
}
