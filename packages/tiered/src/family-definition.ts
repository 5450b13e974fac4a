import { json } from '@dashtam/cache-codecs'
import type {
  Consistency,
  FailurePolicy,
  FamilyKeys,
  FamilyOptions,
  LoadContext,
  Placement,
  ValueCodec
} from '@dashtam/cache-protocol'
import { MAX_TTL_SECONDS, problemOfTtl } from '@dashtam/cache-protocol/adapter'
import { FamilyCounters } from './stats.ts'
import { warnOnce } from './warn-once.ts'

/** What a family has said, checked and with its defaults filled in. */
export interface FamilyDefinition<P = unknown, V = unknown> {
  readonly name: string
  readonly keyOf: (params: P) => string
  readonly load: (params: P, context: LoadContext) => V | Promise<V>
  readonly loadMany: ((params: readonly P[], context: LoadContext) => readonly V[] | Promise<readonly V[]>) | undefined
  /** How long a loaded value is fresh, in milliseconds; 0 keeps it out of the cache. Jitter is not yet taken off. */
  readonly freshMsOf: (value: V, params: P) => number
  readonly tagsOf: (params: P) => readonly string[]
  readonly staleMs: number
  readonly refreshAfter: number
  readonly jitter: number
  readonly codec: ValueCodec<V>
  readonly placement: Placement
  readonly policy: FailurePolicy
  readonly consistency: Consistency
  readonly softTimeoutMs: number
  readonly hardTimeoutMs: number
  readonly holdMs: number
  readonly isSensitive: boolean
  readonly counters: FamilyCounters
}

export interface FamilyDefaults {
  readonly ttlSeconds: number
  /** Where values live that a family does not place: an engine without a shared store has but one place. */
  readonly isMemoryOnly: boolean
}

const NO_TAGS: readonly string[] = Object.freeze([])
const DEFAULT_JITTER = 0.1
const DEFAULT_HARD_TIMEOUT_MS = 30_000
const LONGEST_TIMER_MS = 2 ** 31 - 1

const CHOICES = {
  placement: ['both', 'shared', 'memory'],
  policy: ['open', 'closed', 'stale'],
  consistency: ['eventual', 'strong']
} as const

/**
 * Not compressed: at 4 KiB to inflate costs as much as to parse, and on a local network more than the bytes it saves.
 */
const DEFAULT_CODEC = json<never>({ compression: false })

/** @throws TypeError that names the family and the option. */
export function defineFamily<P, V>(
  keys: FamilyKeys<P>,
  options: FamilyOptions<P, V>,
  defaults: FamilyDefaults
): FamilyDefinition<P, V> {
  if (typeof keys !== 'function' || typeof keys.family !== 'string' || keys.family === '') {
    throw new TypeError('family: keys must be a family of defineKeys(), or a function with a name in `family`')
  }
  const name = keys.family
  const {
    load,
    loadMany,
    ttlSeconds = keys.ttlSeconds ?? defaults.ttlSeconds,
    nullTtlSeconds,
    staleSeconds = 0,
    refreshAfter = 1,
    jitter = DEFAULT_JITTER,
    tags = () => NO_TAGS,
    codec = DEFAULT_CODEC as ValueCodec<V>,
    placement = 'both',
    policy = 'open',
    consistency = 'eventual',
    softTimeoutMs = 0,
    hardTimeoutMs = DEFAULT_HARD_TIMEOUT_MS,
    holdSeconds = 0,
    isSensitive = false,
    ...unknown
  } = options
  const [stray] = Object.keys(unknown)
  if (stray !== undefined) throw new TypeError(`${name}: unknown option '${stray}'`)
  for (const [option, value] of Object.entries({ load, tags, ...(loadMany && { loadMany }) })) {
    if (typeof value !== 'function') throw new TypeError(`${name}: ${option} must be a function, got ${typeof value}`)
  }
  for (const [option, choice] of Object.entries({ placement, policy, consistency })) {
    const known: readonly string[] = CHOICES[option as keyof typeof CHOICES]
    if (!known.includes(choice)) {
      throw new TypeError(`${name}: ${option} must be one of ${known.join(', ')}; got ${String(choice)}`)
    }
  }
  if (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function') {
    throw new TypeError(`${name}: codec must have encode() and decode(), got ${typeof codec}`)
  }
  if (typeof isSensitive !== 'boolean') {
    throw new TypeError(`${name}: isSensitive must be a boolean, got ${typeof isSensitive}`)
  }
  if (typeof ttlSeconds !== 'function') checkTtl(name, 'ttlSeconds', ttlSeconds)
  if (nullTtlSeconds !== undefined && nullTtlSeconds !== 0) checkTtl(name, 'nullTtlSeconds', nullTtlSeconds)
  checkNumber(name, 'staleSeconds', staleSeconds, 0, MAX_TTL_SECONDS)
  checkNumber(name, 'holdSeconds', holdSeconds, 0, LONGEST_TIMER_MS / 1_000)
  checkNumber(name, 'jitter', jitter, 0, 1)
  checkNumber(name, 'refreshAfter', refreshAfter, Number.MIN_VALUE, 1)
  checkNumber(name, 'softTimeoutMs', softTimeoutMs, 0, LONGEST_TIMER_MS)
  checkNumber(name, 'hardTimeoutMs', hardTimeoutMs, 1, LONGEST_TIMER_MS)
  const plainMs = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1_000)
  const nullMs = plainMs(nullTtlSeconds)
  const freshMs = typeof ttlSeconds === 'function' ? undefined : ttlSeconds * 1_000
  return {
    name,
    keyOf: keys,
    load,
    loadMany,
    freshMsOf: (value, params) => {
      if (value === null && nullMs !== undefined) return nullMs
      return freshMs ?? dynamicMs(name, ttlSeconds as (value: V, params: P) => number, value, params)
    },
    tagsOf: tags,
    staleMs: Math.ceil(staleSeconds * 1_000),
    refreshAfter,
    jitter,
    codec,
    placement: defaults.isMemoryOnly ? 'memory' : placement,
    policy,
    consistency,
    softTimeoutMs,
    hardTimeoutMs,
    holdMs: Math.ceil(holdSeconds * 1_000),
    isSensitive,
    counters: new FamilyCounters()
  }
}

/** What a value says of its own lifetime comes from outside: a bad answer keeps it out of the cache, and is told once. */
function dynamicMs<P, V>(name: string, ttlSeconds: (value: V, params: P) => number, value: V, params: P): number {
  const seconds = ttlSeconds(value, params)
  if (seconds === 0) return 0
  const problem = problemOfTtl(seconds)
  if (problem === undefined) return seconds * 1_000
  warnOnce(name, 'DASHTAM_CACHE_TIERED_TTL', `${problem} (or 0); what it was asked for is not cached.`)
  return 0
}

function checkTtl(name: string, option: string, seconds: number): void {
  const problem = problemOfTtl(seconds)
  if (problem !== undefined) throw new TypeError(`${name}: ${problem.replace('ttlSeconds', option)}`)
}

function checkNumber(name: string, option: string, value: number, min: number, max: number): void {
  if (typeof value === 'number' && value >= min && value <= max) return
  const above = min === Number.MIN_VALUE ? 'above 0' : `of at least ${min}`
  throw new TypeError(
    `${name}: ${option} must be a number ${above} and at most ${max}, got ${typeof value === 'number' ? value : typeof value}`
  )
}
