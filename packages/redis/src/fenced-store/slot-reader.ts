import type { Ok, Result, Slot, SlotStamp } from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import type { Commands } from '../commands.ts'
import type { RedisConnection } from '../redis-connection.ts'
import { ABSENT, decodeSlot, entryIdOf, HEAD_LENGTH, leaseTokenOf, NO_BYTES, WRONG_TYPE_ID } from './slot-layout.ts'

const ABSENT_SLOT: Ok<typeof ABSENT> = Object.freeze(ok(ABSENT))
/** What stands for a key of another type: an entry that nobody can read. */
const wrongType = (remainingMs: number): Ok<Extract<Slot, { kind: 'entry' }>> =>
  ok({ kind: 'entry', id: WRONG_TYPE_ID, bytes: NO_BYTES, remainingMs })
const WRONG_TYPE = wrongType(Number.NaN)
const WRONG_TYPE_WITH_LIFETIME = wrongType(0)
/** PTTL's answer for a key that is not there, and for one that never expires. */
const NO_KEY = -2
const NO_EXPIRY = -1

/** Reads slots, with commands that are as cheap as those of a cache without states. */
export class SlotReader {
  readonly #client: RedisConnection['client']
  readonly #commands: Commands
  readonly #keyOf: (key: string) => string
  readonly #clock: (() => number) | undefined

  /** @param keyOf - Where the slot of a key is. */
  constructor(
    client: RedisConnection['client'],
    commands: Commands,
    keyOf: (key: string) => string,
    clock: (() => number) | undefined
  ) {
    this.#client = client
    this.#commands = commands
    this.#keyOf = keyOf
    this.#clock = clock
  }

  /** An entry comes without its lifetime. */
  read(key: string): Promise<Result<Slot>> {
    const slotKey = this.#keyOf(key)
    return this.#commands.run<Buffer | null, Slot>(
      'readSlot',
      key,
      () => this.#client.getBuffer(slotKey),
      value => {
        if (value === null) return ABSENT_SLOT
        const slot = decodeSlot(value, Number.NaN, this.#clock?.())
        // Who meets a lease or a closed slot wants to know for how long: rare enough to ask again.
        return slot.kind === 'entry' || slot.kind === 'absent' ? ok(slot) : this.readWithLifetime(key)
      },
      WRONG_TYPE
    )
  }

  readWithLifetime(key: string): Promise<Result<Slot>> {
    const slotKey = this.#keyOf(key)
    return this.#commands.run<[Buffer | null, number], Slot>(
      'readSlot',
      key,
      () => Promise.all([this.#client.getBuffer(slotKey), this.#client.pttl(slotKey)]),
      ([value, pttl]) => ok(this.decode(value, pttl)),
      WRONG_TYPE_WITH_LIFETIME
    )
  }

  /** Closed slots and foreign bytes are told by all of their bytes: both are rare. */
  identify(key: string): Promise<Result<SlotStamp>> {
    const slotKey = this.#keyOf(key)
    return this.#commands.run<[Buffer, number], SlotStamp>(
      'readSlot',
      key,
      () => Promise.all([this.#client.getrangeBuffer(slotKey, 0, HEAD_LENGTH), this.#client.pttl(slotKey)]),
      ([head, pttl]) => {
        if (pttl === NO_KEY) return ABSENT_SLOT
        const remainingMs = toRemainingMs(pttl)
        const entryId = entryIdOf(head)
        if (entryId !== undefined) return ok({ kind: 'entry', id: entryId, remainingMs })
        const token = leaseTokenOf(head)
        if (token === undefined || remainingMs === Infinity) return this.#identifyWhole(key)
        return ok({ kind: 'lease', id: token, remainingMs })
      },
      WRONG_TYPE_WITH_LIFETIME
    )
  }

  /** What GET and PTTL, sent after it, have said. In between the slot may have gone, or come. */
  decode(value: Buffer | null, pttl: number): Slot {
    if (value === null || pttl === NO_KEY) return ABSENT
    return decodeSlot(value, toRemainingMs(pttl), this.#clock?.())
  }

  async #identifyWhole(key: string): Promise<Result<SlotStamp>> {
    const read = await this.readWithLifetime(key)
    if (!read.ok || read.value.kind === 'absent') return read
    const { kind, id, remainingMs } = read.value
    return ok({ kind, id, remainingMs })
  }
}

function toRemainingMs(pttl: number): number {
  return pttl === NO_EXPIRY ? Infinity : pttl
}
