import { envSchema } from 'env-schema'
import { type Static, Type } from 'typebox'

const integer = (byDefault: number, minimum: number, maximum: number) =>
  Type.Integer({ default: byDefault, minimum, maximum, description: `an integer from ${minimum} to ${maximum}` })
const share = () => Type.Number({ default: 0, minimum: 0, maximum: 1, description: 'a number from 0 to 1' })

/** Every setting. `description` is what a wrong one is told it must be. */
const SETTINGS = Type.Object({
  BROKERAGE_HOST: Type.String({ default: '127.0.0.1', minLength: 1, description: 'a host name or an IP address' }),
  BROKERAGE_PORT: integer(0, 0, 65_535),
  BROKERAGE_LATENCY_MS: integer(0, 0, 60_000),
  BROKERAGE_ERROR_SHARE: share(),
  BROKERAGE_RUBBISH_SHARE: share(),
  BROKERAGE_RATE_LIMIT_PER_MINUTE: integer(0, 0, 1_000_000),
  BROKERAGE_ACCESS_TOKEN_SECONDS: integer(3_600, 1, 86_400)
})

export type Settings = Static<typeof SETTINGS>

/** @throws Error naming each setting that is wrong, what was expected and what it is. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const names = Object.keys(SETTINGS.properties) as (keyof Settings)[]
  // Empty counts as unset.
  const given = Object.fromEntries(names.flatMap(name => (environment[name] ? [[name, environment[name]]] : [])))
  try {
    return envSchema<Settings>({
      schema: SETTINGS,
      data: given,
      env: false,
      ajv: {
        customOptions(ajv) {
          // Otherwise `1e999` becomes Infinity, which Ajv then holds against no maximum.
          ajv.opts.strictNumbers = false
          return ajv
        }
      }
    })
  } catch (error) {
    const { errors = [] } = error as { readonly errors?: readonly { readonly instancePath: string }[] }
    const wrong = new Set(errors.map(({ instancePath }) => instancePath.slice(1) as keyof Settings))
    if (wrong.size === 0) throw error
    const lines = [...wrong].map(name => {
      const { description } = SETTINGS.properties[name] as { readonly description?: string }
      return `  ${name} must be ${description}; got ${JSON.stringify(given[name])}`
    })
    throw new Error(['Wrong settings:', ...lines].join('\n'))
  }
}
