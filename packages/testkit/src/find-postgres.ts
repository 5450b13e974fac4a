import { Client } from 'pg'
import { findPostgresPrograms, startPostgres } from './postgres-process.ts'

const CONNECT_TIMEOUT_MS = 5_000

/** A server that many machines have; one that asks for a password is not for us. */
const LOCAL_URLS = ['postgres://postgres@127.0.0.1:5432/postgres', 'postgres://postgres@127.0.0.1:5432/test']

const NO_POSTGRES =
  'The tests need a PostgreSQL and there is none: set TEST_DATABASE_URL, run one on 127.0.0.1:5432 that lets the user postgres in without a password, install its server programs, start a container engine, or run as root on Debian with CI=true so that its postgresql package is installed.'

let server: Promise<string> | undefined

/** The URL of a database on a server where we may create others; the server is found once in a process. */
export function postgresUrl(): Promise<string> {
  server ??= findPostgres()
  return server
}

async function findPostgres(): Promise<string> {
  const given = process.env.TEST_DATABASE_URL
  if (given) {
    if (await letsUsIn(given)) return given
    throw new Error('TEST_DATABASE_URL is set, but no PostgreSQL that lets us in answers there.')
  }
  for (const url of LOCAL_URLS) {
    if (await letsUsIn(url)) return url
  }
  const programs = await findPostgresPrograms()
  if (programs) return startPostgres(programs)

  const { hasContainerEngine } = await import('./container-engine.ts')
  if (await hasContainerEngine()) {
    const { startPostgresContainer } = await import('./postgres-container.ts')
    return startPostgresContainer()
  }

  const { mayInstallDebianPackages, installDebianPackage } = await import('./debian.ts')
  if (await mayInstallDebianPackages()) {
    await installDebianPackage('postgresql')
    const installed = await findPostgresPrograms()
    if (installed) return startPostgres(installed)
  }
  throw new Error(NO_POSTGRES)
}

/** Whether a server answers at `url` and accepts whom it names. */
export async function letsUsIn(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
  client.on('error', () => undefined) // connect() rejects with the same
  try {
    await client.connect()
    await client.query('SELECT 1')
    return true
  } catch {
    return false
  } finally {
    await client.end()
  }
}
