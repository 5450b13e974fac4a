import { ACCOUNT_TYPES, type AccountType } from './account.ts'

/** An account as a provider tells of it. */
export interface ProviderAccount {
  /** The provider's. */
  readonly id: string
  readonly name: string
  readonly type: AccountType
  /** ISO 4217 */
  readonly currency: string
  /** Decimal text with two places. */
  readonly balance: string
}

/** What a provider answers about the accounts of a connection. */
export interface ProviderResponse {
  readonly accounts: readonly ProviderAccount[]
  /** When it was asked, ISO 8601 in UTC. */
  readonly askedAt: string
}

/** Whether something of unknown origin, such as a cache that other versions write too, is a response. */
export function isProviderResponse(value: unknown): value is ProviderResponse {
  if (typeof value !== 'object' || value === null) return false
  const { accounts, askedAt } = value as Record<keyof ProviderResponse, unknown>
  return typeof askedAt === 'string' && Array.isArray(accounts) && accounts.every(isProviderAccount)
}

function isProviderAccount(value: unknown): value is ProviderAccount {
  if (typeof value !== 'object' || value === null) return false
  const { id, name, type, currency, balance } = value as Record<keyof ProviderAccount, unknown>
  return (
    ACCOUNT_TYPES.some(known => known === type) &&
    [id, name, currency, balance].every(field => typeof field === 'string')
  )
}

/** A provider has failed, and how. Nothing in it is secret. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError'
  /**
   * `unavailable`: no answer, or an error of its own; `slow`: no answer in time; `busy`: it asks to wait; `rubbish`: an
   * answer that makes no sense; `refused`: it does not let us in any more.
   */
  readonly kind: 'unavailable' | 'slow' | 'busy' | 'rubbish' | 'refused'
  readonly retryAfterSeconds: number | undefined

  constructor(
    kind: ProviderError['kind'],
    message: string,
    { retryAfterSeconds, cause }: { readonly retryAfterSeconds?: number; readonly cause?: unknown } = {}
  ) {
    super(message, { cause })
    this.kind = kind
    this.retryAfterSeconds = retryAfterSeconds
  }
}
