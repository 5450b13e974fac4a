/**
 * Writes the pages that are made from code: what the toolkit's keys are, and what its errors mean. Run it as
 * `node --conditions=@dashtam/source scripts/generate-docs.ts`; with `--check` it writes nothing and fails when a page
 * is not what it would write.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { dashtamFamilies, defineKeys, renderFamilies } from '../packages/keys/src/index.ts'
import { CACHE_ERROR_CODES, CACHE_ERROR_REASONS } from '../packages/protocol/src/index.ts'

const root = join(import.meta.dirname, '..')
const COMMAND = 'node --conditions=@dashtam/source scripts/generate-docs.ts'
const NOTICE = `<!-- Generated from the code by \`${COMMAND}\`; edit that, not this. -->`

const pages: Readonly<Record<string, string>> = {
  'docs/architecture/cache-keys.md': cacheKeysPage(),
  'docs/reference/errors.md': errorsPage()
}

const { check } = parseArgs({ options: { check: { type: 'boolean', default: false } } }).values
const stale = Object.entries(pages).filter(([path, page]) => textOf(join(root, path)) !== page)
if (check) {
  for (const [path] of stale) console.error(`${path} is stale: run ${COMMAND}`)
  if (stale.length > 0) process.exitCode = 1
} else {
  for (const [path, page] of stale) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), page)
    console.log(`wrote ${path}`)
  }
}

function textOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

function cacheKeysPage(): string {
  const keys = defineKeys(
    { prefix: 'dashtam', secret: 'an example that no app should use' },
    { ...dashtamFamilies, basket: 'basket:{{userId}}:items' }
  )
  const hash = keys.user({ userId: 'a'.repeat(129) }).slice('dashtam:user:'.length)
  return `${NOTICE}

# Cache keys

Every key is made by \`@dashtam/cache-keys\` from a template: literals and parameters, joined by \`:\`, behind the keyspace
(\`CACHE_KEY_PREFIX\`, here \`dashtam\`). \`keys.userProfile({ userId: 42 })\` is \`${keys.userProfile({ userId: 42 })}\`.

## How parameters are written

Different parameters never give the same key, and every text has one.

- What would have a meaning in a key is escaped: \`%\` \`:\` \`{\` \`}\` \`*\` \`?\` \`[\` \`]\` \`\\\`, control characters, lone
  surrogates. The user \`a:*\` has the key \`${keys.user({ userId: 'a:*' })}\`. The rest stays as it is, spaces and accents too:
  letter case and Unicode forms are the caller's.
- Strings and safe integers are parameters, and \`1\` is the same as \`'1'\`. Anything else throws a \`TypeError\`.
- What has more than 128 characters when escaped keeps its first 48 and ends in \`%~\` and its SHA-256:
  \`${hash}\`.
- A hashed parameter is an HMAC-SHA-256 under the app's secret (of \`dashtam cache key:\` and the escaped text, in base64url),
  so that a session id or an OAuth state cannot be read from Redis. With another secret all such keys are others.
- No personal data belongs in a key. In development a parameter that looks like an e-mail address is warned about once.

No two families can give one key: \`user:{userId}\` next to \`user:me\` is refused when the registry is made.

## Tenants

\`keys.forTenant('acme')\` makes the same keys, and the same patterns, under \`dashtam:@acme:\`, as in
\`${keys.forTenant('acme').userProfile({ userId: 42 })}\`. No literal begins with \`@\`, or with \`~\`, which is the engine's
own mark: \`dashtam:~…\` is refused by every adapter.

## Hash tags

In a cluster the slot of a key is that of the text between its first braces. A parameter written \`{{userId}}\` is put
between braces: with \`basket:{{userId}}:items\` all keys of user 42, such as \`${keys.basket({ userId: 42 })}\`, share a slot.

## Patterns

\`keys.authorization.pattern({ userId: 42 })\` is \`${keys.authorization.pattern({ userId: 42 })}\`: what is given is escaped, so it
holds no wildcard, and the rest is one. A \`*\` crosses \`:\`, so at the end of a pattern it also matches longer keys:
\`keys.user.pattern()\` is \`${keys.user.pattern()}\`, which the profiles match too.

## The families of the toolkit

${renderFamilies(dashtamFamilies)}`
}

function errorsPage(): string {
  return `${NOTICE}

# Errors

An operation that cannot do as it was told resolves to \`{ ok: false, error }\` and does not throw. \`error.code\` says what
was being done, \`error.reason\` why it failed; \`error.message\` is for humans and may change at any time, while codes and
reasons are stable within a major version. No message, detail or cause holds a key, a value or a credential.

## Codes

${renderTerms('Code', CACHE_ERROR_CODES)}
## Reasons

A call that was wrong in itself (\`CACHE_INVALID_ARGUMENT\`, and the codes about values) has none.

${renderTerms('Reason', CACHE_ERROR_REASONS)}`
}

function renderTerms(title: string, terms: Readonly<Record<string, string>>): string {
  const rows = Object.entries(terms).map(([term, meaning]) => `| \`${term}\` | ${meaning} |\n`)
  return `| ${title} | Meaning |\n| --- | --- |\n${rows.join('')}`
}
