import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { postgresUrl } from './find-postgres.ts'

/** An empty PostgreSQL database of the test's own. */
export interface TestDatabase {
  /** `postgres://…`, with the rights to do anything in it. */
  readonly url: string
  /** Ends whoever is connected and drops the database; once more does nothing. */
  drop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Creates a database with a random name on a real server, which is started when there is none to use. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = await postgresUrl()
  const name = `dashtam_test_${randomBytes(8).toString('hex')}`
  // Not from template1: whoever is connected to that would make it fail.
  await query(serverUrl, `CREATE DATABASE ${name} TEMPLATE template0`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  const drop = () => query(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  return { url: url.href, drop, [Symbol.asyncDispose]: drop }
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url })
  try {
    await client.connect()
    await client.query(sql)
  } finally {
    await client.end()
  }
}
