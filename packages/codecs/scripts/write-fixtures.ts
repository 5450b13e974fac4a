/**
 * Writes an entry of every format for the tests, those only that are not there: what has been released stays as it is.
 * Run it as `node --conditions=@dashtam/source packages/codecs/scripts/write-fixtures.ts` when there is a new format.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { json, messagePack } from '../src/index.ts'
import { FIXTURE_CONTEXT, FIXTURES, RICH_FIXTURE } from '../test/fixtures/values.ts'

const folder = join(import.meta.dirname, '../test/fixtures')
const expected: object = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'))

for (const { file, serializer, options } of FIXTURES) {
  if (existsSync(join(folder, file))) continue
  const encoded =
    serializer === 'json'
      ? json<object>(options).encode(expected, FIXTURE_CONTEXT)
      : messagePack(options).encode({ ...expected, rich: RICH_FIXTURE }, FIXTURE_CONTEXT)
  if (!encoded.ok) throw new Error(`${file}: ${encoded.error.message}`)
  writeFileSync(join(folder, file), encoded.value)
  console.log(`wrote ${file}`)
}
