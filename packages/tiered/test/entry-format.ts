import t from 'tap'
import { readEntry, writeEntry } from '../src/entry-format.ts'

const HEADER = {
  createdAtMs: 1_700_000_000_000,
  freshMs: 300_000,
  staleMs: 60_000,
  generations: ['AAAAAAAAAAAAAAAAAAAAAA', 'BBBBBBBBBBBBBBBBBBBBBg']
}
const PAYLOAD = Buffer.from('"v"')

/** As this version writes it. A later one may write another, and must still read this or take it for a miss. */
const FIRST_FORMAT =
  '01000200' +
  '00008056febc784200000000804f124100000000004ced40' +
  Buffer.from(HEADER.generations.join('')).toString('hex') +
  PAYLOAD.toString('hex')

t.test('readEntry() reads what writeEntry() writes, and what the first version wrote', async t => {
  t.equal(writeEntry(HEADER, PAYLOAD).toString(), Buffer.from(FIRST_FORMAT, 'hex').toString())
  t.strictSame(read(Buffer.from(FIRST_FORMAT, 'hex')), { ...HEADER, payload: PAYLOAD })
  t.strictSame(read(writeEntry(HEADER, undefined)), { ...HEADER, payload: undefined })
  const forever = { ...HEADER, freshMs: Infinity, generations: [] }
  t.strictSame(read(writeEntry(forever, Buffer.alloc(0))), { ...forever, payload: Buffer.alloc(0) })
})

function read(bytes: Uint8Array) {
  const entry = readEntry(bytes)
  if (entry === undefined) return undefined
  const { createdAtMs, freshMs, staleMs, generations, payload } = entry
  return { createdAtMs, freshMs, staleMs, generations, payload }
}

t.test('readEntry() answers nothing for what is cut off or of another format', async t => {
  const bytes = Buffer.from(FIRST_FORMAT, 'hex')
  for (let length = 0; length < bytes.length - PAYLOAD.length; length++) {
    t.equal(readEntry(bytes.subarray(0, length)), undefined)
  }
  bytes[0] = 2
  t.equal(readEntry(bytes), undefined)
})
