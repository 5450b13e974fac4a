import { Cluster, type ClusterNode, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'

/** Where Redis is and how to reach it. Exactly one of `url`, `cluster` and `sentinels`. */
export type RedisClientOptions = RedisTarget & {
  /**
   * How long one attempt to connect may take, in milliseconds, at least 1.
   * @defaultValue 1000
   */
  readonly connectTimeoutMs?: number
  /**
   * How long a connection may be silent before TCP probes whether the other end is still there, in milliseconds, at least 1.
   * @defaultValue 30000
   */
  readonly keepAliveMs?: number
  /** What else ioredis is to know: `tls`, `username`, `password`, `db`, `protocol` … Cannot undo what a cache relies on. */
  readonly redis?: Omit<
    RedisOptions,
    keyof typeof PRESET | 'reconnectOnError' | 'keyPrefix' | 'host' | 'port' | 'path' | 'sentinels'
  >
}

type RedisTarget =
  | { readonly url: string; readonly cluster?: never; readonly sentinels?: never; readonly sentinelName?: never }
  | {
      readonly cluster: readonly ClusterNode[]
      readonly url?: never
      readonly sentinels?: never
      readonly sentinelName?: never
    }
  | {
      readonly sentinels: readonly { readonly host: string; readonly port: number }[]
      /** The name under which the sentinels know the master. */
      readonly sentinelName: string
      readonly url?: never
      readonly cluster?: never
    }

const DEFAULT_CONNECT_TIMEOUT_MS = 1_000
const DEFAULT_KEEP_ALIVE_MS = 30_000
/** Commands are waiting and nothing has come for this long: the connection is dead, whatever TCP believes. */
const SILENCE_MS = 10_000
const LONGEST_RETRY_MS = 1_000
/** A frozen server does not hang up either; then its socket is destroyed after this long. */
const HANG_UP_MS = 250
/** A connection that leads to a replica is made anew at most this often: there may be no master to be found. */
const READONLY_RECONNECT_INTERVAL_MS = 5_000

/** How a cache must use ioredis. Its defaults are made for a database: they wait, and they repeat. */
const PRESET = {
  // Both replay writes after a reconnect, on top of what others have written and deleted since.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  // With ioredis' 20 a command fails more than a minute after the connection is gone.
  maxRetriesPerRequest: 0,
  // The shapes of RESP2, whichever protocol is spoken.
  replyMapping: 'legacy',
  stringNumbers: false,
  socketTimeout: SILENCE_MS,
  disconnectTimeout: HANG_UP_MS,
  retryStrategy: retryDelayMs
} satisfies Preset

type Preset = RedisOptions & { replyMapping: 'legacy' }

export const CLIENT_OPTIONS: ReadonlySet<string> = new Set([
  'url',
  'cluster',
  'sentinels',
  'sentinelName',
  'connectTimeoutMs',
  'keepAliveMs',
  'redis'
] satisfies (keyof RedisClientOptions)[])

/** Makes an ioredis client with the presets of a cache. It connects by itself; whoever makes it closes it. */
export function createRedisClient(options: RedisClientOptions): Redis | Cluster {
  const { connectTimeoutMs = DEFAULT_CONNECT_TIMEOUT_MS, keepAliveMs = DEFAULT_KEEP_ALIVE_MS, redis } = options
  checkOptions(options, { connectTimeoutMs, keepAliveMs })
  const preset: Preset = {
    ...redis,
    ...PRESET,
    reconnectOnError: reconnectWhenReadOnly(),
    connectTimeout: connectTimeoutMs,
    keepAlive: keepAliveMs
  }
  if (options.url !== undefined) return new Redis(checkedUrl(options.url), preset)
  if (options.cluster !== undefined) return new Cluster([...options.cluster], clusterOptions(preset))
  const { sentinels, sentinelName: name } = options
  return new Redis({ ...preset, sentinels: [...sentinels], name, sentinelRetryStrategy: retryDelayMs })
}

function checkOptions(options: RedisClientOptions, timeouts: Readonly<Record<string, number>>): void {
  const unknown = Object.keys(options).find(name => !CLIENT_OPTIONS.has(name))
  if (unknown !== undefined) throw new TypeError(`unknown option '${unknown}'; ioredis' own go into \`redis\``)
  for (const [name, value] of Object.entries(timeouts)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new TypeError(`${name} must be an integer of at least 1, got ${String(value)}`)
    }
  }
  const { url, cluster, sentinels, sentinelName } = options
  if ([url, cluster, sentinels].filter(target => target !== undefined).length !== 1) {
    throw new TypeError('exactly one of url, cluster and sentinels must say where Redis is')
  }
  if ((sentinels === undefined) !== (sentinelName === undefined)) {
    throw new TypeError('sentinels and sentinelName go together')
  }
}

function clusterOptions(preset: Preset) {
  return {
    redisOptions: preset,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    clusterRetryStrategy: retryDelayMs,
    slotsRefreshTimeout: preset.connectTimeout ?? DEFAULT_CONNECT_TIMEOUT_MS,
    scaleReads: 'master'
  } satisfies ClusterOptions
}

/** @throws TypeError that says what is wrong, without the URL: it may hold a password. */
function checkedUrl(url: string): string {
  const parsed = URL.parse(url)
  if (parsed === null)
    throw new TypeError("url must be a Redis URL, as in 'redis://localhost:6379'; got something else")
  if (parsed.protocol !== 'redis:' && parsed.protocol !== 'rediss:') {
    throw new TypeError('url must begin with redis:// or rediss://; it begins with something else')
  }
  if (parsed.hostname === '') throw new TypeError("url must name a host, as in 'redis://localhost:6379'")
  if (!/^\/?\d*$/.test(parsed.pathname)) {
    throw new TypeError("url must end in a database number or nothing, as in 'redis://localhost:6379/0'")
  }
  try {
    decodeURIComponent(parsed.username + parsed.password)
  } catch {
    throw new TypeError('url must have its user and password percent-encoded')
  }
  if (parsed.search !== '') throw new TypeError('url must not carry a query; give ioredis its options in `redis`')
  return url
}

/** The address in `url` without its user and password, fit for a log. */
export function redactUrl(url: string): string {
  const parsed = URL.parse(url)
  if (parsed === null) return 'not a URL'
  return `${parsed.protocol}//${parsed.host}${parsed.pathname === '/' ? '' : parsed.pathname}`
}

/** A demoted master answers READONLY: the connection leads to the wrong server. */
function reconnectWhenReadOnly(): (error: Error) => boolean {
  let reconnectedAtMs = Number.NEGATIVE_INFINITY
  return error => {
    const nowMs = performance.now()
    if (!error.message.startsWith('READONLY')) return false
    if (nowMs - reconnectedAtMs < READONLY_RECONNECT_INTERVAL_MS) return false
    reconnectedAtMs = nowMs
    return true
  }
}

/** 50 ms doubling to a second, with jitter so that a fleet does not come back as one. Never gives up. */
function retryDelayMs(attempt: number): number {
  const backoffMs = Math.min(LONGEST_RETRY_MS, 50 * 2 ** Math.min(attempt - 1, 10))
  return Math.round(backoffMs * (0.75 + Math.random() / 4))
}
