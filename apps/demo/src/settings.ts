import { fileURLToPath } from 'node:url'
import { envSchema } from 'env-schema'
import { type Static, Type } from 'typebox'
import { StartupError } from './infrastructure/startup-error.ts'

/**
 * Every setting: its bounds, its default, and in `description` what a wrong one is told it must be.
 * `writeOnly` marks those whose value may hold a secret and is never shown.
 */
export const SETTINGS = Type.Object({
  HOST: Type.String({
    default: '127.0.0.1',
    pattern: '^[A-Za-z0-9.:_-]+$',
    description: 'a host name or an IP address'
  }),
  PORT: Type.Integer({
    default: 3000,
    minimum: 0,
    maximum: 65_535,
    description: 'an integer from 0 (any free port) to 65535'
  }),
  DATABASE_URL: Type.Optional(
    Type.String({
      format: 'postgres-url',
      writeOnly: true,
      description: 'a URL postgres://[user[:password]@]host[:port]/database'
    })
  ),
  DATA_DIR: Type.String({
    default: fileURLToPath(new URL('../.data', import.meta.url)),
    description: 'the path of a folder'
  }),
  CACHE_REDIS_URL: Type.Optional(
    Type.String({
      format: 'redis-url',
      writeOnly: true,
      description: 'a URL redis[s]://[[user]:password@]host[:port][/database]'
    })
  ),
  REDIS_URL: Type.Optional(
    Type.String({
      format: 'redis-url',
      writeOnly: true,
      description: 'a URL redis[s]://[[user]:password@]host[:port][/database]'
    })
  ),
  CACHE_KEY_PREFIX: Type.String({
    default: 'dashtam',
    pattern: '^[A-Za-z0-9_.-]{1,64}$',
    description: '1 to 64 characters of A-Z a-z 0-9 _ . -'
  }),
  CACHE_KEY_SECRET: Type.Optional(
    Type.String({ minLength: 32, writeOnly: true, description: 'a text of at least 32 characters' })
  ),
  CACHE_TTL_ACCOUNTS: Type.Integer({
    default: 300,
    minimum: 60,
    maximum: 3600,
    description: 'an integer from 60 to 3600 (seconds)'
  }),
  JWT_SECRET: Type.Optional(
    Type.String({ minLength: 32, writeOnly: true, description: 'a text of at least 32 characters' })
  ),
  ACCESS_TOKEN_TTL_SECONDS: Type.Integer({
    default: 3600,
    minimum: 60,
    maximum: 86_400,
    description: 'an integer from 60 to 86400'
  }),
  LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'one of fatal, error, warn, info, debug, trace, silent'
  }),
  SHUTDOWN_TIMEOUT_MS: Type.Integer({
    default: 4000,
    minimum: 100,
    maximum: 60_000,
    description: 'an integer from 100 to 60000'
  })
})

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
      schema: structuredClone(SETTINGS),
      data: given,
      env: false,
      ajv: { customOptions: addFormats }
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

function addFormats(ajv: Ajv): Ajv {
  return ajv
    .addFormat('redis-url', text => isUrl(text, ['redis:', 'rediss:'], /^\/?\d*$/))
    .addFormat('postgres-url', text => isUrl(text, ['postgres:', 'postgresql:'], /^\/[^/]+$/))
}

function isUrl(text: string, protocols: readonly string[], path: RegExp): boolean {
  const url = URL.parse(text)
  return url !== null && protocols.includes(url.protocol) && url.hostname !== '' && path.test(url.pathname)
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
