/** Money that has moved. */
export interface Transaction {
  readonly id: string
  /** A day, ISO 8601. */
  readonly occurredOn: string
  readonly description: string
  /** Decimal text with two places, negative when it has left the account. */
  readonly amount: string
}

export function isTransaction(value: unknown): value is Transaction {
  if (typeof value !== 'object' || value === null) return false
  const { id, occurredOn, description, amount } = value as Record<keyof Transaction, unknown>
  return [id, occurredOn, description, amount].every(field => typeof field === 'string')
}
