import { fileURLToPath } from 'node:url'
import { envSchema } from 'env-schema'
import { type Static, Type } from 'typebox'
import { StartupError } from './infrastructure/startup-error.ts'
import { URL_FORMATS } from './url-formats.ts'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const integer = (byDefault: number, minimum: number, maximum: number, unit = '') =>
  Type.Integer({ default: byDefault, minimum, maximum, description: `an integer from ${minimum} to ${maximum}${unit}` })

// `writeOnly` marks what may hold a secret and is never shown.
const secret = () => Type.String({ minLength: 32, writeOnly: true, description: 'a text of at least 32 characters' })
const url = (format: keyof typeof URL_FORMATS, shape: string) =>
  Type.String({ format, writeOnly: true, description: `a URL ${shape}` })

const REDIS_URL = url('redis-url', 'redis[s]://[[user]:password@]host[:port][/database]')

/** Every setting, with its bounds and its default. `description` is what a wrong one is told it must be. */
export const SETTINGS = Type.Object(
  {
    HOST: Type.String({
      default: '127.0.0.1',
      pattern: '^[A-Za-z0-9.:_-]+$',
      description: 'a host name or an IP address'
    }),
    PORT: integer(3000, 0, 65_535),
    LOG_LEVEL: Type.Enum(LOG_LEVELS, { default: 'info', description: `one of ${LOG_LEVELS.join(', ')}` }),
    SHUTDOWN_TIMEOUT_MS: integer(3000, 100, 60_000),
    DATABASE_URL: Type.Optional(url('postgres-url', 'postgres://[user[:password]@]host[:port]/database')),
    DATA_DIR: Type.String({
      default: fileURLToPath(new URL('../.data', import.meta.url)),
      description: 'the path of a folder'
    }),
    CACHE_REDIS_URL: Type.Optional(REDIS_URL),
    REDIS_URL: Type.Optional(REDIS_URL),
    CACHE_KEY_PREFIX: Type.String({
      default: 'dashtam',
      pattern: '^[A-Za-z0-9_.-]{1,64}$',
      description: '1 to 64 characters of A-Z a-z 0-9 _ . -'
    }),
    CACHE_TTL_ACCOUNTS: integer(300, 60, 3600, ' (seconds)'),
    CACHE_TTL_USERS: integer(300, 60, 300, ' (seconds)'),
    CACHE_TTL_CONNECTIONS: integer(300, 60, 3600, ' (seconds)'),
    CACHE_TTL_PROVIDER: integer(300, 60, 3600, ' (seconds)'),
    CACHE_TTL_SECURITY_CONFIG: integer(60, 1, 300, ' (seconds)'),
    BROKERAGE_URL: Type.Optional(url('http-url', 'http[s]://host[:port]')),
    BROKERAGE_PORT: integer(0, 0, 65_535),
    BROKERAGE_LATENCY_MS: integer(150, 0, 60_000),
    SESSION_IDLE_SECONDS: integer(1800, 60, 86_400),
    SESSION_ABSOLUTE_SECONDS: integer(2_592_000, 300, 31_536_000),
    SESSION_COOKIE_SECURE: Type.Boolean({ default: false, description: 'true or false' }),
    RATE_LIMIT_SIGN_IN_PER_MINUTE: integer(5, 1, 10_000),
    RATE_LIMIT_API_PER_MINUTE: integer(100, 1, 10_000_000),
    CACHE_KEY_SECRET: Type.Optional(secret()),
    SESSION_SECRET: Type.Optional(secret()),
    JWT_SECRET: Type.Optional(secret()),
    CONNECTION_SECRET: Type.Optional(secret()),
    ACCESS_TOKEN_TTL_SECONDS: integer(3600, 60, 86_400)
  },
  { additionalProperties: false }
)

export type Settings = Static<typeof SETTINGS>

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the settings from environment variables, the later source being the stronger; an empty one counts as unset.
 *
 * @throws StartupError naming each setting that is wrong, what was expected, and what it is unless that may be secret.
 */
export function readSettings(...sources: readonly Environment[]): Settings {
  const isSet = ([, value]: [string, string | undefined]) => value !== undefined && value !== ''
  const given = Object.fromEntries(sources.flatMap(source => Object.entries(source).filter(isSet)))
  // Another part of the system may own REDIS_URL; it matters only when it is used.
  if (given.CACHE_REDIS_URL !== undefined) delete given.REDIS_URL
  try {
    return envSchema<Settings>({
      schema: SETTINGS,
      data: given,
      env: false,
      ajv: { customOptions: customize }
    })
  } catch (error) {
    const wrong = new Set(wrongSettings(error))
    if (wrong.size === 0) throw error
    throw new StartupError(
      ['Wrong settings:', ...[...wrong].map(name => `  ${complaint(name, given[name])}`)].join('\n')
    )
  }
}

type AjvOptions = Exclude<NonNullable<NonNullable<Parameters<typeof envSchema>[0]>['ajv']>, { validate: unknown }>
type Ajv = Parameters<AjvOptions['customOptions']>[0]

function customize(ajv: Ajv): Ajv {
  // Otherwise `1e999` becomes Infinity, which Ajv then holds against no maximum.
  ajv.opts.strictNumbers = false
  for (const [name, isValid] of Object.entries(URL_FORMATS)) ajv.addFormat(name, isValid)
  return ajv
}

function wrongSettings(error: unknown): (keyof Settings)[] {
  const { errors = [] } = error as { readonly errors?: readonly { readonly instancePath: string }[] }
  return errors.map(({ instancePath }) => instancePath.slice(1) as keyof Settings)
}

function complaint(name: keyof Settings, value: string | undefined): string {
  const { description, writeOnly } = SETTINGS.properties[name] as {
    readonly description?: string
    readonly writeOnly?: boolean
  }
  const got = writeOnly === true ? 'its value is not shown, as it may hold a secret' : `got ${JSON.stringify(value)}`
  return `${name} must be ${description}; ${got}`
}
