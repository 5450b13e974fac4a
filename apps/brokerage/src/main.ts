import { readSettings } from './settings.ts'
import { startBrokerage } from './start.ts'

try {
  const settings = readSettings(process.env)
  const brokerage = await startBrokerage({
    host: settings.BROKERAGE_HOST,
    port: settings.BROKERAGE_PORT,
    accessTokenSeconds: settings.BROKERAGE_ACCESS_TOKEN_SECONDS,
    faults: {
      latencyMs: settings.BROKERAGE_LATENCY_MS,
      errorShare: settings.BROKERAGE_ERROR_SHARE,
      rubbishShare: settings.BROKERAGE_RUBBISH_SHARE,
      rateLimitPerMinute: settings.BROKERAGE_RATE_LIMIT_PER_MINUTE
    }
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void brokerage.close())
  process.stdout.write(`The brokerage listens on ${brokerage.url}\n`)
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException
  const isAddress = code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL' || code === 'EACCES' || code === 'ENOTFOUND'
  process.stderr.write(`${isAddress ? 'BROKERAGE_HOST, BROKERAGE_PORT: ' : ''}${message}\n`)
  process.exitCode = 1
}
