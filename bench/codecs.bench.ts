// What does a codec cost next to JSON.stringify and JSON.parse?
import { isDeepStrictEqual } from 'node:util'
import { type Codec, createKeyRing, json, messagePack } from '@dashtam/cache-codecs'
import { compare, printMachine } from './compare.ts'

const context = { key: 'bench:accounts:42' }
const encryption = createKeyRing({ current: 'a', keys: { a: Buffer.alloc(32, 7) } })
const codecs: readonly (readonly [name: string, codec: Codec<unknown>])[] = [
  ['messagePack, zstd', messagePack({ compression: 'zstd' })],
  ['messagePack, gzip', messagePack({ compression: 'gzip' })],
  ['messagePack, gzip, encrypted', messagePack({ compression: 'gzip', encryption })],
  ['messagePack', messagePack({ compression: false })],
  ['json, gzip', json<unknown>({ compression: 'gzip' })],
  ['json, encrypted', json<unknown>({ compression: false, encryption })],
  ['json', json<unknown>({ compression: false })]
]

function accounts(bytes: number): readonly object[] {
  const rows: object[] = []
  for (let size = 0; size < bytes; size += JSON.stringify(rows.at(-1)).length + 1) {
    const index = rows.length
    rows.push({
      id: `acc_${(index * 7_919).toString(36)}`,
      name: `Brokerage account ${index}`,
      balance: (index * 1_234.57) % 9_999,
      currency: 'USD',
      isOpen: index % 3 === 0,
      tags: ['taxable', `tier-${index % 5}`],
      openedAt: new Date(1.6e12 + index * 86_400_000).toISOString()
    })
  }
  return rows
}

function encode(codec: Codec<unknown>, value: unknown): Uint8Array {
  const encoded = codec.encode(value, context)
  if (!encoded.ok) throw new Error(encoded.error.message)
  return encoded.value
}

/** The last answer is looked at, so that no contender gets away with less. */
function repeat<T>(operations: number, call: () => T, isRight: (answer: T) => boolean): () => Promise<boolean> {
  return async () => {
    let answer = call()
    for (let index = 1; index < operations; index++) answer = call()
    return isRight(answer)
  }
}

printMachine('not used')
for (const [size, operations] of [
  [4 * 1_024, 500],
  [100 * 1_024, 20]
] as const) {
  const value = accounts(size)
  const text = Buffer.from(JSON.stringify(value))
  console.log(`\n${text.length} bytes of JSON:`)
  for (const [name, codec] of codecs) {
    const { length } = encode(codec, value)
    console.log(`  ${name.padEnd(34)} ${length} bytes, ${Math.round((100 * length) / text.length)} %`)
  }
  const isValue = (answer: unknown) => isDeepStrictEqual(answer, value)
  const shared = { operations, expected: true, rounds: 60 }

  await compare({
    ...shared,
    title: `encode ${size / 1_024} KiB`,
    // The value is walked once more, to refuse what would not come back.
    atLeast: 0.5,
    contenders: [
      {
        name: 'Buffer.from(JSON.stringify())',
        round: repeat(
          operations,
          () => Buffer.from(JSON.stringify(value)),
          b => b.equals(text)
        )
      },
      ...codecs.map(([name, codec]) => ({
        name,
        round: repeat(
          operations,
          () => encode(codec, value),
          bytes => isRead(codec, bytes)
        )
      }))
    ]
  })
  await compare({
    ...shared,
    title: `decode ${size / 1_024} KiB`,
    atLeast: 0.8,
    contenders: [
      { name: 'JSON.parse(buffer.toString())', round: repeat(operations, () => JSON.parse(text.toString()), isValue) },
      ...codecs.map(([name, codec]) => {
        const bytes = encode(codec, value)
        return {
          name,
          round: repeat(
            operations,
            () => codec.decode(bytes, context),
            read => read.ok && isValue(read.value)
          )
        }
      })
    ]
  })
}

function isRead(codec: Codec<unknown>, bytes: Uint8Array): boolean {
  return codec.decode(bytes, context).ok
}
