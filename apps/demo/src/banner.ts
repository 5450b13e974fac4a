import { DEMO_EMAIL, DEMO_PASSWORD } from './infrastructure/database/seed.ts'

export interface BannerOptions {
  /** `http://127.0.0.1:3000` */
  readonly address: string
  readonly redisUrl: string | undefined
  readonly database: string
  readonly brokerageUrl: string
}

/** What the demo says once it is up: where it is, what it runs on, and three commands to try. */
export function banner({ address, redisUrl, database, brokerageUrl }: BannerOptions): string {
  const accounts = `${address}/api/v1/accounts -H "Authorization: Bearer $TOKEN"`
  const credentials = JSON.stringify({ email: DEMO_EMAIL, password: DEMO_PASSWORD })
  return `
Dashtam listens on ${address}; its API is described at ${address}/docs
  cache:    ${redisUrl === undefined ? 'in the memory of this process' : `Redis at ${redacted(redisUrl)}`}
  database: ${database}
  brokerage: ${brokerageUrl}

Sign in, list the accounts, and list them again out of the cache:
  TOKEN=$(curl -s ${address}/api/v1/sessions -H 'Content-Type: application/json' -d '${credentials}' | cut -d '"' -f 4)
  curl -si ${accounts}
  curl -si ${accounts} | grep -i cache-status
`
}

/** A URL without its credentials. */
function redacted(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
}
