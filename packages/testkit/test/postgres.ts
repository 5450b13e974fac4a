import { createTestDatabase } from '@dashtam/testkit'
import { Client } from 'pg'
import t from 'tap'
import { letsUsIn } from '../src/find-postgres.ts'

t.test('createTestDatabase() gives an empty database of its own, and drop() ends whoever is in it', async t => {
  await using one = await createTestDatabase()
  await using other = await createTestDatabase()
  const client = new Client({ connectionString: one.url })
  const ended = new Promise<Error>(resolve => client.on('error', resolve))
  await client.connect()
  await client.query('CREATE TABLE mine (id int)')
  t.equal((await tables(other.url)).length, 0)
  t.strictSame(await tables(one.url), ['mine'])

  await one.drop()
  t.match((await ended).message, /terminat/)
  t.notOk(await letsUsIn(one.url))
  t.ok(await letsUsIn(other.url))
  await one.drop()
})

async function tables(url: string): Promise<string[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ tablename: string }>(
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
  )
  await client.end()
  return rows.map(row => row.tablename)
}
