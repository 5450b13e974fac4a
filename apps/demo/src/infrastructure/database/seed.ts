import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

export const DEMO_EMAIL = 'demo@dashtam.example'
export const DEMO_PASSWORD = 'dashtam-demo'
const ADMIN_EMAIL = 'admin@dashtam.example'
const ADMIN_PASSWORD = 'dashtam-admin'

const USERS = 500
const ACCOUNTS_PER_USER = 10
const TRANSACTIONS_PER_ACCOUNT = 20

type HashPassword = (password: string) => Promise<string>

/** Fills an empty database with the same 500 users, 5,000 accounts and 100,000 transactions each time, and an admin. */
export async function seed(db: Kysely<Database>, hashPassword: HashPassword): Promise<void> {
  await seedAdmin(db, hashPassword)
  const anyUser = await db
    .selectFrom('users')
    .select('id')
    .where('email', '<>', ADMIN_EMAIL)
    .limit(1)
    .executeTakeFirst()
  if (anyUser !== undefined) return
  await seedUsers(db, await hashPassword(DEMO_PASSWORD))
  await seedAccounts(db)
  await seedTransactions(db)
  await sql`analyze users, accounts, transactions`.execute(db)
}

/** Unless there is an admin: also in a database from before there were any. */
async function seedAdmin(db: Kysely<Database>, hashPassword: HashPassword): Promise<void> {
  const admin = await db.selectFrom('user_roles').select('user_id').where('role', '=', 'admin').executeTakeFirst()
  if (admin !== undefined) return
  const namesake = await db.selectFrom('users').select('id').where('email', '=', ADMIN_EMAIL).executeTakeFirst()
  if (namesake !== undefined) return
  const id = randomUUID()
  const passwordHash = await hashPassword(ADMIN_PASSWORD)
  await db.insertInto('users').values({ id, email: ADMIN_EMAIL, name: 'Admin', password_hash: passwordHash }).execute()
  await db.insertInto('user_roles').values({ user_id: id, role: 'admin' }).execute()
}

/** All of them have the demo's one password. */
async function seedUsers(db: Kysely<Database>, passwordHash: string): Promise<void> {
  await sql`
    insert into users (id, email, name, password_hash)
    select md5('user ' || n)::uuid,
      case n when 1 then ${DEMO_EMAIL} else lower(given || '.' || family || n || '@dashtam.example') end,
      given || ' ' || family,
      ${passwordHash}
    from generate_series(1, ${sql.lit(USERS)}) n
    cross join lateral (select
      (array['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Donald', 'Frances', 'Ken', 'Margaret', 'Niklaus'])[n % 10 + 1] given,
      (array['Okafor', 'Lindqvist', 'Moreau', 'Tanaka', 'Silva', 'Novak', 'Haddad'])[n % 7 + 1] family
    ) person`.execute(db)
}

async function seedAccounts(db: Kysely<Database>): Promise<void> {
  await sql`
    insert into accounts (id, user_id, name, type, currency, balance, opened_on, updated_at)
    select md5('account ' || u || ' ' || position)::uuid, md5('user ' || u)::uuid, name, type, 'USD', 0,
      date '2015-03-01' + (u * 37 % 900 + position * 120)::integer, timestamptz '2026-06-30 12:00:00+00'
    from generate_series(1, ${sql.lit(USERS)}) u
    cross join unnest(
      array['Everyday Checking', 'Rainy Day Savings', 'Rewards Card', 'Joint Checking', 'Holiday Savings',
        'Travel Card', 'Individual Brokerage', 'Index Funds', 'Roth IRA', '401(k)'],
      array['checking', 'savings', 'credit_card', 'checking', 'savings',
        'credit_card', 'brokerage', 'brokerage', 'retirement', 'retirement']
    ) with ordinality as portfolio (name, type, position)
    where position <= ${sql.lit(ACCOUNTS_PER_USER)}`.execute(db)
}

/** The first transaction of an account opens it; its balance is their sum. */
async function seedTransactions(db: Kysely<Database>): Promise<void> {
  await sql`
    insert into transactions (account_id, occurred_on, description, amount)
    select account.id,
      date '2026-06-30' - ((${sql.lit(TRANSACTIONS_PER_ACCOUNT)} - t) * 9 + noise % 9)::integer,
      case
        when t = 1 then 'Opening balance'
        when type in ('brokerage', 'retirement') then (array['Dividend', 'Contribution', 'Fund purchase'])[noise % 3 + 1]
        when type = 'savings' then (array['Interest', 'Transfer in'])[noise % 2 + 1]
        else (array['Groceries', 'Fuel', 'Restaurant', 'Utilities', 'Pharmacy', 'Streaming'])[noise % 6 + 1]
      end,
      case
        when t = 1 and type in ('brokerage', 'retirement') then 5000 + noise % 9000000 / 100.0
        when t = 1 and type <> 'credit_card' then 3000 + noise % 900000 / 100.0
        when type in ('checking', 'credit_card') then -(1 + noise % 15000 / 100.0)
        else 5 + noise % 40000 / 100.0
      end
    from (select id, type, row_number() over (order by user_id, opened_on, id) as position from accounts) account
    cross join generate_series(1, ${sql.lit(TRANSACTIONS_PER_ACCOUNT)}) t
    -- A multiplicative hash in place of random(): the same numbers on every server.
    cross join lateral (select ((position * 20 + t) * 2654435761 % 4294967291) / 7 as noise) hash
    order by position, t`.execute(db)
  await sql`
    update accounts set balance = total
    from (select account_id, sum(amount) as total from transactions group by account_id) sums
    where account_id = accounts.id`.execute(db)
}
