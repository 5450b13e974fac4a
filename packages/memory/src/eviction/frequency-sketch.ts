import { mix } from './key-hash.ts'

/** What a counter of four bits can say. */
const MOST_USES = 15
const ROWS = 4
/** A block is a cache line: 64 bytes, 16 words of eight counters each, a quarter of them for each row. */
const WORDS_PER_BLOCK = 16
const WORDS_PER_ROW = WORDS_PER_BLOCK / ROWS
const KEYS_PER_BLOCK = 4
/** The counters are halved after so many uses per entry: the sample of "TinyLFU", https://arxiv.org/abs/1512.00727 */
const USES_PER_ENTRY = 10
/** The low three bits of each of the eight counters in a word. */
const HALVES = 0x77777777

/**
 * How often keys were used lately, 0 to 15, for keys that are stored and keys that are not: a count-min sketch, 16 bytes
 * per key. It may say too much, when keys share all four counters; never too little, but for the ageing.
 */
export class FrequencySketch {
  #words = new Int32Array(WORDS_PER_BLOCK)
  #usesUntilAged = 0
  #uses = 0

  /**
   * What has been counted is kept.
   *
   * @param entries - How many the store holds: so large the sketch is, at least.
   * @param capacity - How many fit: so slowly it ages.
   */
  resize(entries: number, capacity: number): void {
    this.#usesUntilAged = capacity * USES_PER_ENTRY
    while ((this.#words.length / WORDS_PER_BLOCK) * KEYS_PER_BLOCK < entries) {
      // A block is found by the low bits of a hash, so each key finds its counts in both copies of its block.
      const doubled = new Int32Array(this.#words.length * 2)
      doubled.set(this.#words)
      doubled.set(this.#words, this.#words.length)
      this.#words = doubled
    }
  }

  add(hash: number, uses: number): void {
    // Only counters below the new count are raised: the others count another key's uses already ("minimal increment").
    const counted = Math.min(this.estimate(hash) + uses, MOST_USES)
    const words = this.#words
    const block = this.#blockOf(hash)
    const columns = mix(hash)
    for (let row = 0; row < ROWS; row++) {
      const word = wordOf(block, row, columns)
      const shift = shiftOf(row, columns)
      const bits = words[word] ?? 0
      const count = (bits >>> shift) & MOST_USES
      if (count < counted) words[word] = bits + ((counted - count) << shift)
    }
    this.#uses += Math.min(uses, MOST_USES)
    if (this.#uses >= this.#usesUntilAged) this.#age()
  }

  estimate(hash: number): number {
    const words = this.#words
    const block = this.#blockOf(hash)
    const columns = mix(hash)
    let least = MOST_USES
    for (let row = 0; row < ROWS; row++) {
      const bits = words[wordOf(block, row, columns)] ?? 0
      least = Math.min(least, (bits >>> shiftOf(row, columns)) & MOST_USES)
    }
    return least
  }

  #blockOf(hash: number): number {
    return (hash & (this.#words.length / WORDS_PER_BLOCK - 1)) * WORDS_PER_BLOCK
  }

  #age(): void {
    const words = this.#words
    for (let word = 0; word < words.length; word++) words[word] = ((words[word] ?? 0) >>> 1) & HALVES
    this.#uses = 0
  }
}

/** Five bits of `columns` for each row: two for the word, three for the counter in it. */
function wordOf(block: number, row: number, columns: number): number {
  return block + row * WORDS_PER_ROW + ((columns >>> (row * 8)) & 3)
}

function shiftOf(row: number, columns: number): number {
  return ((columns >>> (row * 8 + 2)) & 7) * 4
}
