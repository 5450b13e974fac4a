import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** In order of their names. One that has been released is never edited; a change is a new one. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-personal-finance': { up: createPersonalFinance }
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
