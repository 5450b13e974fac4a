import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Below the ranges from which Linux (from 32768) and macOS (from 49152) serve outgoing connections, bus ports included:
 * the port of a stopped server stays free for its restart, and a client that keeps trying it never connects to itself.
 */
const FIRST_PORT = 12_000
const LAST_PORT = 21_999

/** A cluster node also listens here: https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/ */
const CLUSTER_BUS_OFFSET = 10_000

const ATTEMPTS = 5
const handedOut = new Set<number>()

/**
 * Runs `use` with `count` ports of 127.0.0.1 that are free, as are their cluster bus ports; once more with others when
 * another process was faster.
 */
export async function withFreePorts<T>(count: number, use: (ports: readonly number[]) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const ports = await Promise.all(Array.from({ length: count }, freePort))
    try {
      return await use(ports)
    } catch (error) {
      if (attempt === ATTEMPTS || !isPortTaken(error)) throw error
    }
  }
}

async function freePort(): Promise<number> {
  let port: number
  do port = drawPort()
  while (!((await isFree(port)) && (await isFree(port + CLUSTER_BUS_OFFSET))))
  return port
}

/** A port that this process has not been given yet: those of stopped servers look free. */
function drawPort(): number {
  let port: number
  do port = randomInt(FIRST_PORT, LAST_PORT + 1)
  while (handedOut.has(port))
  handedOut.add(port)
  return port
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** As Redis, PostgreSQL and the container engines put it. */
function isPortTaken(error: unknown): boolean {
  return error instanceof Error && /address already in use|port is already allocated/i.test(error.message)
}
