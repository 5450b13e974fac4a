import { readdirSync, readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import t from 'tap'
import { nameOf, renderLua, scriptFiles, sourceOf } from '../scripts/build-lua.ts'
import { luaScript, runScript } from '../src/lua-script.ts'

const directory = new URL('../lua/', import.meta.url)
const sources = new URL('../src/', import.meta.url)

t.test('src/generated/lua.ts is fresh', async t => {
  t.equal(readFileSync(new URL('generated/lua.ts', sources), 'utf8'), renderLua())
})

t.test('each script declares in its header the keys and arguments that it uses', async t => {
  for (const file of scriptFiles()) {
    const header =
      readFileSync(new URL(file, directory), 'utf8')
        .match(/^--.*$/gm)
        ?.join('\n') ?? ''
    for (const list of ['KEYS', 'ARGV']) {
      t.strictSame(indicesOf(list, sourceOf(file)), indicesOf(list, header), `${file}: ${list}`)
    }
    t.match(header, /-- RETURNS {2}/, `${file}: what it returns`)
    t.match(header, /-- WHY Lua {2}/, `${file}: why it is one`)
  }
})

t.test('each script is called, and each shared file is included', async t => {
  const callers = readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts') && !file.includes('generated'))
    .map(file => readFileSync(new URL(file, sources), 'utf8'))
    .join('\n')
  for (const file of scriptFiles())
    t.match(callers, new RegExp(`\\b${nameOf(file)}\\b[^']*'[./]+generated/lua.ts'`), file)
  const scripts = scriptFiles().map(file => readFileSync(new URL(file, directory), 'utf8'))
  for (const file of readdirSync(new URL('shared/', directory))) {
    t.ok(
      scripts.some(script => script.includes(`-- include: ${file}\n`)),
      file
    )
  }
})

t.test('a script that includes a file which does not exist is not built', async t => {
  t.throws(() => sourceOf('shared/../../test/fixtures/includes-nothing.lua'), {
    message: /includes lua\/shared\/no-such-file\.lua, which does not exist/
  })
})

t.test('runScript() repeats a script only for a server that does not know it: any other may have run it', async t => {
  const run = async (message: string) => {
    const sent: string[] = []
    const client = {
      evalsha: async () => {
        sent.push('EVALSHA')
        throw new Error(message)
      },
      eval: async () => sent.push('EVAL')
    } as unknown as Redis
    const outcome = await runScript(client, luaScript(1, ''), ['k:n', 1, '']).catch(() => 'fails')
    return { sent, outcome }
  }
  t.strictSame(await run('NOSCRIPT No matching script.'), { sent: ['EVALSHA', 'EVAL'], outcome: 2 })
  t.strictSame(await run('Connection is closed.'), { sent: ['EVALSHA'], outcome: 'fails' })
})

function indicesOf(list: string, text: string): string[] {
  return [...new Set(Array.from(text.matchAll(new RegExp(`${list}\\[(\\d+)\\]`, 'g')), match => match[1] ?? ''))].sort()
}
