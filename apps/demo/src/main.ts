import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { createDemo } from './app.ts'
import { banner } from './banner.ts'
import { StartupError } from './infrastructure/startup-error.ts'
import { readSettings, type Settings } from './settings.ts'

/** How long closing may go on after the last connection was cut. */
const GRACE_AFTER_CUT_MS = 1_500

/** From a supervisor, a person, and a terminal that is closed. */
const END_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

// A log that nobody can read is no reason to stop serving.
process.stdout.on('error', () => undefined)

try {
  await start()
} catch (error) {
  process.stderr.write(`${error instanceof StartupError ? error.message : (error as Error).stack}\n`)
  process.exit(1)
}

async function start(): Promise<void> {
  const settings = readSettings(readEnvFile(), process.env)
  const { app, database, brokerageUrl } = await createDemo(settings)
  const address = await listen(app, settings)
  closeOnSignals(app, settings.SHUTDOWN_TIMEOUT_MS)
  process.stdout.write(
    banner({ address, database, brokerageUrl, redisUrl: settings.CACHE_REDIS_URL ?? settings.REDIS_URL })
  )
}

/** The file `.env` of the folder that the demo is started in; what the environment says itself is stronger. */
function readEnvFile(): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync('.env', 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
}

async function listen(app: FastifyInstance, { HOST, PORT }: Settings): Promise<string> {
  try {
    return await app.listen({ host: HOST, port: PORT })
  } catch (error) {
    await app.close()
    throw new StartupError(`HOST, PORT: cannot listen on ${HOST}:${PORT}: ${(error as Error).message}`)
  }
}

/** On an end signal: no new connections, an answer to every request under way, then the end. */
function closeOnSignals(app: FastifyInstance, timeoutMs: number): void {
  const options = { delay: timeoutMs + GRACE_AFTER_CUT_MS, logger: app.log, skip: [...END_SIGNALS] }
  const { close } = closeWithGrace(options, async ({ err }) => {
    if (err !== undefined) app.log.fatal({ err }, 'closing after an error that nobody handled')
    const cut = setTimeout(() => app.server.closeAllConnections(), timeoutMs)
    await app.close()
    clearTimeout(cut)
  })
  let isClosing = false
  for (const signal of END_SIGNALS) {
    // At a second signal `close-with-grace` would give up on the requests. But one Ctrl-C arrives several times: from the
    // terminal, and from the package managers above, which pass it on or send a signal of their own.
    process.on(signal, () => {
      if (isClosing) return
      isClosing = true
      app.log.info(`closing after ${signal}`)
      void close()
    })
  }
}
