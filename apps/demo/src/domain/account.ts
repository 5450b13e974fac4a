export const ACCOUNT_TYPES = ['checking', 'savings', 'credit_card', 'brokerage', 'retirement'] as const

export type AccountType = (typeof ACCOUNT_TYPES)[number]

/** An account that a user holds at some institution. */
export interface Account {
  readonly id: string
  readonly name: string
  readonly type: AccountType
  /** Decimal text with two places, such as `-12.50`: money never passes through a binary float. */
  readonly balance: string
  /** ISO 4217. */
  readonly currency: string
  /** When name or balance last changed, ISO 8601 in UTC. */
  readonly updatedAt: string
  /** By which it is read at a provider; `null` for an account that is at none. */
  readonly connectionId: string | null
}

export const ACCOUNT_NAME_MAX_LENGTH = 100

/** One line with something to read: not blank or invisible, no control characters, line breaks or lone surrogates. */
export const ACCOUNT_NAME_PATTERN = '^(?=.*[^\\s\\p{Cf}])[^\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]+$'

/** Whether something of unknown origin, such as a cache that other versions write too, is an account. */
export function isAccount(value: unknown): value is Account {
  if (typeof value !== 'object' || value === null) return false
  const { id, name, type, balance, currency, updatedAt, connectionId } = value as Record<keyof Account, unknown>
  return (
    ACCOUNT_TYPES.some(known => known === type) &&
    (connectionId === null || typeof connectionId === 'string') &&
    [id, name, balance, currency, updatedAt].every(field => typeof field === 'string')
  )
}
