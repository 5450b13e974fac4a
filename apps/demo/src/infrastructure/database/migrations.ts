import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** In order of their names. One that has been released is never edited; a change is a new one. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-personal-finance': { up: createPersonalFinance },
  '0002-sessions-and-roles': { up: createSessionsAndRoles },
  '0003-token-versions': { up: createTokenVersions },
  '0004-user-settings': { up: createUserSettings },
  '0005-connections': { up: createConnections }
}

async function createPersonalFinance(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table users (
      id uuid primary key,
      email text not null unique check (email = lower(email)),
      name text not null,
      password_hash text not null
    )`.execute(db)
  await sql`
    create table accounts (
      id uuid primary key,
      user_id uuid not null references users,
      name text not null check (char_length(name) between 1 and 100),
      type text not null check (type in ('checking', 'savings', 'credit_card', 'brokerage', 'retirement')),
      currency char(3) not null,
      balance numeric(14, 2) not null,
      opened_on date not null,
      updated_at timestamptz not null default now()
    )`.execute(db)
  await sql`create index accounts_by_user on accounts (user_id, opened_on, id)`.execute(db)
  await sql`
    create table transactions (
      id bigint generated always as identity primary key,
      account_id uuid not null references accounts,
      occurred_on date not null,
      description text not null,
      amount numeric(14, 2) not null
    )`.execute(db)
  await sql`create index transactions_by_account on transactions (account_id, occurred_on)`.execute(db)
  await sql`create table app_secrets (name text primary key, value text not null)`.execute(db)
}

async function createSessionsAndRoles(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table sessions (
      id text primary key,
      user_id uuid not null references users,
      created_at timestamptz not null,
      last_seen_at timestamptz not null,
      expires_at timestamptz not null
    )`.execute(db)
  await sql`create index sessions_by_user on sessions (user_id)`.execute(db)
  await sql`
    create table user_roles (
      user_id uuid not null references users,
      role text not null,
      primary key (user_id, role)
    )`.execute(db)
}

async function createTokenVersions(db: Kysely<unknown>): Promise<void> {
  await sql`alter table users add column token_version integer not null default 1`.execute(db)
  // One row, and never another.
  await sql`
    create table security_config (
      is_only boolean primary key default true check (is_only),
      token_version integer not null
    )`.execute(db)
  await sql`insert into security_config (token_version) values (1)`.execute(db)
}

async function createUserSettings(db: Kysely<unknown>): Promise<void> {
  await sql`alter table users add column language text not null default 'en'`.execute(db)
  await sql`alter table users add column currency char(3) not null default 'USD'`.execute(db)
}

async function createConnections(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table connections (
      id uuid primary key,
      user_id uuid not null references users,
      provider text not null,
      alias text not null,
      status text not null check (status in ('connected', 'expired')),
      refresh_token bytea not null,
      created_at timestamptz not null,
      synced_at timestamptz
    )`.execute(db)
  await sql`create index connections_by_user on connections (user_id, created_at, id)`.execute(db)
  await sql`
    alter table accounts
      add column connection_id uuid references connections on delete cascade,
      add column provider_account_id text,
      add constraint accounts_of_providers unique (connection_id, provider_account_id)`.execute(db)
}
