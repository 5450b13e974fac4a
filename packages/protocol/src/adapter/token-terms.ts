import type { TokenLimit, TokenState } from '../token-bucket.ts'

const MAX_CAPACITY = 10_000_000
const MIN_REFILL_SECONDS = 0.001
const MAX_REFILL_SECONDS = 366 * 86_400
/** What a double can tell apart beside a time in microseconds since 2026, until 2043; after that it is an eighth. */
const STEPS_PER_MICROSECOND = 16

/** A token may be worth so much more than was said, relatively, to be worth whole milliseconds. */
const ROUNDING = 0.001
/** 0.07 * 1000 is 70.00000000000001. */
const FLOATING_POINT_ERROR = 1e-12

/**
 * A limit as the generic cell rate algorithm has it (ITU-T I.371, annex A): a token is a span of time, and a bucket is one
 * number, the moment at which it will be full.
 */
export interface TokenTerms {
  /** What one token is worth, in microseconds. Rounded up: a bucket fills no faster than was said. */
  readonly tokenUs: number
  /** What a full bucket is worth. */
  readonly capacityUs: number
  /** What is asked for. */
  readonly costUs: number
  /** Whether all of these are whole milliseconds. */
  readonly isWhole: boolean
}

/** Says what is wrong with a limit or a cost, or nothing. */
export function problemOfTokens({ capacity, refillSeconds }: TokenLimit, cost: number): string | undefined {
  if (!isIntegerUpTo(capacity, MAX_CAPACITY)) {
    return `capacity must be an integer from 1 to ${MAX_CAPACITY}, got ${shown(capacity)}`
  }
  // Written so that NaN fails.
  if (
    !(typeof refillSeconds === 'number' && refillSeconds >= MIN_REFILL_SECONDS && refillSeconds <= MAX_REFILL_SECONDS)
  ) {
    return `refillSeconds must be from ${MIN_REFILL_SECONDS} to ${MAX_REFILL_SECONDS}, got ${shown(refillSeconds)}`
  }
  if (!isIntegerUpTo(cost, capacity)) {
    return `the tokens must be an integer from 1 to the capacity of ${capacity}, got ${shown(cost)}`
  }
  return undefined
}

export function tokenTerms({ capacity, refillSeconds }: TokenLimit, cost: number): TokenTerms {
  const exactMs = (refillSeconds * 1_000) / capacity
  const wholeMs = Math.ceil(exactMs * (1 - FLOATING_POINT_ERROR))
  const isWhole = wholeMs <= exactMs * (1 + ROUNDING)
  const tokenUs = isWhole ? wholeMs * 1_000 : Math.ceil(exactMs * 1_000 * STEPS_PER_MICROSECOND) / STEPS_PER_MICROSECOND
  return { tokenUs, capacityUs: tokenUs * capacity, costUs: tokenUs * cost, isWhole }
}

/** @param missingUs - What it takes to fill the bucket, after what was taken. */
export function tokenState(
  isAllowed: boolean,
  missingUs: number,
  { tokenUs, capacityUs, costUs }: TokenTerms
): TokenState {
  const lackingUs = missingUs + costUs - capacityUs
  return {
    isAllowed,
    remaining: Math.max(0, Math.floor((capacityUs - missingUs) / tokenUs)),
    retryAfterMs: isAllowed ? 0 : Math.max(1, Math.ceil(lackingUs / 1_000)),
    fullAfterMs: Math.ceil(missingUs / 1_000)
  }
}

function isIntegerUpTo(value: unknown, most: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most
}

function shown(got: unknown): string {
  return typeof got === 'number' ? String(got) : typeof got
}
