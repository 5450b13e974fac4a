import type { Generated } from 'kysely'
import type { AccountType } from '../../domain/account.ts'

/** The tables, as Kysely sees them. PostgreSQL's `numeric` travels as text. */
export interface Database {
  users: {
    id: string
    email: string
    name: string
    password_hash: string
  }
  accounts: {
    id: string
    user_id: string
    name: string
    type: AccountType
    currency: string
    balance: string
    opened_on: string
    updated_at: Generated<Date>
  }
  transactions: {
    id: Generated<string>
    account_id: string
    occurred_on: string
    description: string
    amount: string
  }
  app_secrets: {
    name: string
    value: string
  }
}
