import type { Cluster, Redis } from 'ioredis'

/** A script of `lua/`, as `scripts/build-lua.ts` wrote it. */
export interface LuaScript {
  readonly keyCount: number
  readonly sha1: string
  readonly source: string
}

/** Runs a script by its hash, and sends it whole to a server that does not know it yet: a new one, or after a flush. */
export function runScript(
  client: Redis | Cluster,
  { keyCount, sha1, source }: LuaScript,
  keysAndArguments: readonly (string | number)[]
): Promise<unknown> {
  return client.evalsha(sha1, keyCount, ...keysAndArguments).catch((error: unknown) => {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return client.eval(source, keyCount, ...keysAndArguments)
  })
}
