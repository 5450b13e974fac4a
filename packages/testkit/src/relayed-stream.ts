import type { Socket } from 'node:net'

/** What befalls the bytes that travel one way, on every connection of a proxy. */
export interface StreamFaults {
  /** How long the next chunk is held back, in milliseconds. */
  drawDelayMs(): number
  readonly isFrozen: boolean
  count(bytes: number): void
}

/** Besides bytes a stream carries its end, and the news that its sender is gone: both wait their turn. */
type Parcel = Buffer | 'end' | 'reset'

interface Held {
  readonly parcel: Parcel
  readonly dueMs: number
}

/** More than this is left to the sender, as by a network whose buffers are full. */
const MOST_HELD_BYTES = 1024 * 1024

/** Carries the bytes of one connection one way, in their order, however long each chunk is held back. */
export class RelayedStream {
  readonly #from: Socket
  readonly #to: Socket
  readonly #faults: StreamFaults
  #held: Held[] = []
  #heldBytes = 0
  #timer: NodeJS.Timeout | undefined

  constructor(from: Socket, to: Socket, faults: StreamFaults) {
    this.#from = from
    this.#to = to
    this.#faults = faults
    from.on('data', chunk => this.#take(chunk))
    from.on('end', () => this.#take('end'))
    from.on('close', () => {
      if (!from.readableEnded) this.#take('reset')
    })
    to.on('drain', () => this.#regulate())
    to.on('close', () => this.#drop())
    this.#regulate()
  }

  /** To be called when the faults have changed. */
  update(): void {
    this.#forward()
  }

  #take(parcel: Parcel): void {
    if (this.#to.destroyed) return
    const nowMs = performance.now()
    // Never before the chunk in front of it: that is what keeps the order.
    const dueMs = Math.max(nowMs + this.#faults.drawDelayMs(), this.#held.at(-1)?.dueMs ?? 0)
    this.#held.push({ parcel, dueMs })
    this.#heldBytes += sizeOf(parcel)
    if (this.#held.length === 1) this.#forward()
    else this.#regulate()
  }

  #forward(): void {
    clearTimeout(this.#timer)
    if (!this.#faults.isFrozen) {
      const nowMs = performance.now()
      const firstLater = this.#held.findIndex(({ dueMs }) => dueMs > nowMs)
      const due = this.#held.splice(0, firstLater === -1 ? this.#held.length : firstLater)
      for (const { parcel } of due) this.#send(parcel)
      const [next] = this.#held
      if (next !== undefined) this.#timer = setTimeout(() => this.#forward(), next.dueMs - nowMs)
    }
    this.#regulate()
  }

  #send(parcel: Parcel): void {
    if (parcel === 'reset') {
      this.#to.destroySoon() // what was said before is still written
    } else if (parcel === 'end') {
      this.#to.end()
    } else {
      this.#heldBytes -= parcel.length
      this.#faults.count(parcel.length)
      this.#to.write(parcel)
    }
  }

  /** A receiver that is slow, or frozen, slows its sender down. */
  #regulate(): void {
    const isFull = this.#heldBytes > MOST_HELD_BYTES || this.#to.writableNeedDrain
    if (isFull) this.#from.pause()
    else this.#from.resume()
  }

  /** Nobody receives any more; what the sender still says is read and forgotten. */
  #drop(): void {
    clearTimeout(this.#timer)
    this.#held = []
    this.#heldBytes = 0
  }
}

function sizeOf(parcel: Parcel): number {
  return typeof parcel === 'string' ? 0 : parcel.length
}
