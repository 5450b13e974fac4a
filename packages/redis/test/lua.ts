import { readdirSync, readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import t from 'tap'
import { renderLua } from '../scripts/build-lua.ts'
import { runScript } from '../src/lua-script.ts'

const directory = new URL('../lua/', import.meta.url)
const files = readdirSync(directory)

t.test('src/generated/lua.ts is fresh', async t => {
  t.equal(readFileSync(new URL('../src/generated/lua.ts', import.meta.url), 'utf8'), renderLua())
})

t.test('each script declares in its header the keys that it touches, and is called', async t => {
  const adapter = readFileSync(new URL('../src/redis-adapter.ts', import.meta.url), 'utf8')
  for (const file of files) {
    const source = readFileSync(new URL(file, directory), 'utf8')
    const header = source.split('\n').filter(line => line.startsWith('--'))
    const body = source
      .split('\n')
      .filter(line => !line.startsWith('--'))
      .join('\n')
    for (const list of ['KEYS', 'ARGV']) {
      const used = new Set(Array.from(body.matchAll(new RegExp(`${list}\\[(\\d+)\\]`, 'g')), match => match[1]))
      const declared = new Set(
        Array.from(header.join('\n').matchAll(new RegExp(`${list}\\[(\\d+)\\]`, 'g')), match => match[1])
      )
      t.strictSame(used, declared, `${file}: ${list}`)
    }
    t.match(header.join('\n'), /-- RETURNS {2}/, `${file}: what it returns`)
    t.ok(adapter.includes(file.replace('.lua', '')), `${file}: is called`)
  }
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
    const outcome = await runScript(client, { keyCount: 1, sha1: '', source: '' }, ['k:n', 1, '']).catch(() => 'fails')
    return { sent, outcome }
  }
  t.strictSame(await run('NOSCRIPT No matching script.'), { sent: ['EVALSHA', 'EVAL'], outcome: 2 })
  t.strictSame(await run('Connection is closed.'), { sent: ['EVALSHA'], outcome: 'fails' })
})
