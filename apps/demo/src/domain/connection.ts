export const PROVIDERS = ['brokerage'] as const

export type Provider = (typeof PROVIDERS)[number]

/** `expired`: the provider lets us in no more, and the user has to connect again. */
export const CONNECTION_STATUSES = ['connected', 'expired'] as const

export type ConnectionStatus = (typeof CONNECTION_STATUSES)[number]

/** What a user lets us read at a provider. */
export interface Connection {
  readonly id: string
  readonly userId: string
  readonly provider: Provider
  /** What the user calls it. */
  readonly alias: string
  readonly status: ConnectionStatus
  /** ISO 8601 in UTC, as is `syncedAt`. */
  readonly createdAt: string
  /** When accounts were last taken over; `null` while none were. */
  readonly syncedAt: string | null
}

/** Whether something of unknown origin, such as a cache that other versions write too, is a connection. */
export function isConnection(value: unknown): value is Connection {
  if (typeof value !== 'object' || value === null) return false
  const { id, userId, provider, alias, status, createdAt, syncedAt } = value as Record<keyof Connection, unknown>
  return (
    [id, userId, alias, createdAt].every(field => typeof field === 'string') &&
    PROVIDERS.some(known => known === provider) &&
    CONNECTION_STATUSES.some(known => known === status) &&
    (syncedAt === null || typeof syncedAt === 'string')
  )
}
