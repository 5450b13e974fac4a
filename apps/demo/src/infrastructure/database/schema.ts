import type { Generated } from 'kysely'
import type { AccountType } from '../../domain/account.ts'
import type { ConnectionStatus, Provider } from '../../domain/connection.ts'
import type { Language, Role } from '../../domain/user.ts'

/** The tables, as Kysely sees them. PostgreSQL's `numeric` travels as text. */
export interface Database {
  users: {
    id: string
    email: string
    name: string
    password_hash: string
    token_version: Generated<number>
    language: Generated<Language>
    currency: Generated<string>
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
    connection_id: string | null
    provider_account_id: string | null
  }
  connections: {
    id: string
    user_id: string
    provider: Provider
    alias: string
    status: ConnectionStatus
    /** Encrypted. */
    refresh_token: Uint8Array
    created_at: Date
    synced_at: Date | null
  }
  transactions: {
    id: Generated<string>
    account_id: string
    occurred_on: string
    description: string
    amount: string
  }
  sessions: {
    id: string
    user_id: string
    created_at: Date
    last_seen_at: Date
    expires_at: Date
  }
  user_roles: {
    user_id: string
    role: Role
  }
  security_config: {
    token_version: number
  }
  app_secrets: {
    name: string
    value: string
  }
}
