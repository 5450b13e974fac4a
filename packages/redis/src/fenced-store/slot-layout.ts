import { createHash } from 'node:crypto'
import type { Slot, SlotEntry } from '@dashtam/cache-protocol'

// A slot is one string: an entry ('E', id, bytes), a lease ('L', token), or closed ('C', id, the token of the writer who
// may store a value, then 22 + 13 characters for each writer: token, deadline in ms). lua/shared/slot.lua reads the same.

const ID_LENGTH = 22
/** The kind and the id. */
export const HEAD_LENGTH = 1 + ID_LENGTH

const ENTRY = 0x45
const LEASE = 0x4c
const CLOSED = 0x43
const ID = /^[\w-]{22}$/
const CLOSED_SLOT = /^C([\w-]{22})[\w-]{22}((?:[\w-]{22}\d{13})+)$/
const FIRST_WRITER_AT = 1 + 2 * ID_LENGTH
const WRITER_LENGTH = ID_LENGTH + 13

export const ABSENT: Extract<Slot, { kind: 'absent' }> = Object.freeze({ kind: 'absent' })

export const NO_BYTES = Buffer.alloc(0)
/** What another type than a string counts as: an entry that nobody can decode, and anybody may replace. */
export const WRONG_TYPE_ID = sha1(NO_BYTES)

function isId(text: string): boolean {
  return ID.test(text)
}

export function encodeLease(token: string): string {
  return `L${token}`
}

export function encodeEntry({ id, bytes }: SlotEntry): Buffer {
  const value = Buffer.allocUnsafe(HEAD_LENGTH + bytes.length)
  value.write(`E${id}`, 'latin1')
  value.set(bytes, HEAD_LENGTH)
  return value
}

/** The id of an entry that a store has written; its first {@link HEAD_LENGTH} bytes tell. */
export function entryIdOf(value: Buffer): string | undefined {
  if (value[0] !== ENTRY || value.length < HEAD_LENGTH) return undefined
  const id = value.toString('latin1', 1, HEAD_LENGTH)
  return isId(id) ? id : undefined
}

/** The token of a lease; its first {@link HEAD_LENGTH} bytes tell, and that there is none more. */
export function leaseTokenOf(value: Buffer): string | undefined {
  if (value[0] !== LEASE || value.length !== HEAD_LENGTH) return undefined
  const token = value.toString('latin1', 1)
  return isId(token) ? token : undefined
}

/**
 * Takes the value of a slot apart. The bytes of an entry stay where they are. A lease or a closed slot that never ends was
 * written by a stranger, and is an entry.
 *
 * @param nowMs - The store's own clock, if it has one: it decides whether the writers of a closed slot are past their
 * deadlines. Otherwise the server has removed such a slot.
 */
export function decodeSlot(value: Buffer, remainingMs: number, nowMs: number | undefined): Slot {
  const id = entryIdOf(value)
  if (id !== undefined) return { kind: 'entry', id, bytes: value.subarray(HEAD_LENGTH), remainingMs }
  const token = leaseTokenOf(value)
  if (token !== undefined && remainingMs !== Infinity) return { kind: 'lease', id: token, remainingMs }
  const closed = remainingMs === Infinity ? undefined : decodeClosed(value, remainingMs, nowMs)
  return closed ?? { kind: 'entry', id: sha1(value), bytes: value, remainingMs }
}

function decodeClosed(value: Buffer, remainingMs: number, nowMs: number | undefined): Slot | undefined {
  if (value[0] !== CLOSED || (value.length - FIRST_WRITER_AT) % WRITER_LENGTH !== 0) return undefined
  const [, id, writers] = CLOSED_SLOT.exec(value.toString('latin1')) ?? []
  if (id === undefined || writers === undefined) return undefined
  if (nowMs === undefined) return { kind: 'closed', id, remainingMs }
  const untilMs = Math.max(...Array.from(writers.matchAll(/.{22}(\d{13})/g), match => Number(match[1])))
  return untilMs > nowMs ? { kind: 'closed', id, remainingMs: untilMs - nowMs } : ABSENT
}

function sha1(value: Buffer): string {
  return createHash('sha1').update(value).digest('hex')
}
