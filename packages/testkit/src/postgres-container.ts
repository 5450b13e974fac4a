import { GenericContainer, Wait } from 'testcontainers'

const IMAGE = 'postgres:17-alpine'
const PORT = 5432

/**
 * Starts a private server in a container; it lives as long as this process.
 *
 * @returns the URL of its maintenance database.
 */
export async function startPostgresContainer(): Promise<string> {
  const container = await new GenericContainer(IMAGE)
    .withEnvironment({ POSTGRES_HOST_AUTH_METHOD: 'trust' })
    .withExposedPorts(PORT)
    // Once from the server that the image sets up without a network, once from the real one.
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
    .start()
  return `postgres://postgres@127.0.0.1:${container.getMappedPort(PORT)}/postgres`
}
