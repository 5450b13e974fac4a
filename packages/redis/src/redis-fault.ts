import type { CacheErrorReason } from '@dashtam/cache-protocol'

/** What a client library's error means to the port. Nothing in it stems from a command's arguments. */
export interface RedisFault {
  readonly reason: CacheErrorReason
  readonly message: string
  /** Redis' own word, such as `OOM` or `NOAUTH`, when the server answered. */
  readonly serverCode?: string
  readonly cause: { readonly name: string; readonly message: string }
}

const CONNECTION_TROUBLE: ReadonlySet<string> = new Set([
  'LOADING',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'MOVED',
  'ASK',
  'READONLY',
  'TRYAGAIN'
])

/** Sorts what ioredis rejected with. Its own error objects carry the command, AUTH's password too: they stop here. */
export function toRedisFault(error: unknown): RedisFault {
  const name = error instanceof Error ? error.name : 'Error'
  const text = error instanceof Error ? error.message : 'unknown failure'
  if (name !== 'ReplyError') {
    // Both are ioredis' own words: a `commandTimeout` that the app set on its client, and a dead connection.
    const reason = text === 'Command timed out' ? 'timeout' : 'connection'
    return {
      reason,
      message: reason === 'timeout' ? 'no answer in time' : 'no connection to Redis',
      cause: { name, message: text }
    }
  }
  // "ERR unknown command 'X', with args beginning with: …" quotes keys and values.
  const message = text.replace(/, with args beginning with:.*$/s, '')
  const serverCode = /^[A-Z]+/.exec(message)?.[0] ?? 'ERR'
  return {
    reason: reasonOf(serverCode, message),
    message: `Redis answered: ${message}`,
    serverCode,
    cause: { name, message }
  }
}

function reasonOf(serverCode: string, message: string): CacheErrorReason {
  if (serverCode === 'WRONGTYPE') return 'wrong_type'
  if (/not an integer|would overflow/.test(message)) return 'wrong_type'
  return CONNECTION_TROUBLE.has(serverCode) ? 'connection' : 'server'
}
