import { createHash } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'

/** A script of `lua/`, as `scripts/build-lua.ts` wrote it. */
export interface LuaScript {
  readonly keyCount: number
  readonly sha1: string
  readonly source: string
}

export type ScriptArgument = string | number | Buffer

export function luaScript(keyCount: number, source: string): LuaScript {
  return { keyCount, sha1: createHash('sha1').update(source).digest('hex'), source }
}

/** Runs a script by its hash, and sends it whole to a server that does not know it yet: a new one, or after a flush. */
export function runScript(
  client: Redis | Cluster,
  { keyCount, sha1, source }: LuaScript,
  keysAndArguments: readonly ScriptArgument[]
): Promise<unknown> {
  return client.evalsha(sha1, keyCount, ...keysAndArguments).catch((error: unknown) => {
    if (!isUnknownScript(error)) throw error
    return client.eval(source, keyCount, ...keysAndArguments)
  })
}

/** ioredis has a form of every command that answers with bytes, but no types for these two. */
interface BytesOfScripts {
  evalshaBuffer(sha1: string, keyCount: number, ...keysAndArguments: ScriptArgument[]): Promise<unknown>
  evalBuffer(source: string, keyCount: number, ...keysAndArguments: ScriptArgument[]): Promise<unknown>
}

/** The same, for a script that answers with bytes. */
export function runScriptForBytes(
  client: Redis | Cluster,
  { keyCount, sha1, source }: LuaScript,
  keysAndArguments: readonly ScriptArgument[]
): Promise<unknown> {
  const typed = client as unknown as BytesOfScripts
  return typed.evalshaBuffer(sha1, keyCount, ...keysAndArguments).catch((error: unknown) => {
    if (!isUnknownScript(error)) throw error
    return typed.evalBuffer(source, keyCount, ...keysAndArguments)
  })
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
