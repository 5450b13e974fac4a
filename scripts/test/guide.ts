import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '../..')
const GUIDE = 'docs/guides/adding-a-cache-point.md'
/** A file's name alone on a line, and the block that quotes it. */
const QUOTE = /^`([\w./-]+)`\n\n```\w+\n(.*?)^```$/gms

t.test(`${GUIDE} quotes what stands in the files that it names`, async t => {
  const quotes = [...readFileSync(join(root, GUIDE), 'utf8').matchAll(QUOTE)]
  t.ok(quotes.length >= 8, `${quotes.length} quotes`)
  for (const [, file = '', quote = ''] of quotes) {
    t.ok(readFileSync(join(root, file), 'utf8').includes(quote), `${file}: ${quote.split('\n')[0]?.trim()}`)
  }
})
