import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import t from 'tap'
import { readSettings, SETTINGS } from '../src/settings.ts'

t.test('readSettings() gives every setting a default, or leaves it out', async t => {
  const { DATA_DIR, ...settings } = readSettings({})
  t.match(DATA_DIR, /apps[/\\]demo[/\\]\.data$/)
  t.strictSame(settings, {
    HOST: '127.0.0.1',
    PORT: 3000,
    CACHE_KEY_PREFIX: 'dashtam',
    CACHE_TTL_ACCOUNTS: 300,
    CACHE_TTL_USERS: 300,
    CACHE_TTL_CONNECTIONS: 300,
    CACHE_TTL_PROVIDER: 300,
    CACHE_TTL_SECURITY_CONFIG: 60,
    BROKERAGE_PORT: 0,
    BROKERAGE_LATENCY_MS: 150,
    SESSION_IDLE_SECONDS: 1800,
    SESSION_ABSOLUTE_SECONDS: 2_592_000,
    SESSION_COOKIE_SECURE: false,
    RATE_LIMIT_SIGN_IN_PER_MINUTE: 5,
    RATE_LIMIT_API_PER_MINUTE: 100,
    ACCESS_TOKEN_TTL_SECONDS: 3600,
    LOG_LEVEL: 'info',
    SHUTDOWN_TIMEOUT_MS: 3000
  })
})

t.test('readSettings() takes an empty value for none, and the later source for the stronger', async t => {
  t.strictSame(readSettings({ PORT: '', REDIS_URL: '', LOG_LEVEL: undefined }), readSettings({}))
  t.match(readSettings({ PORT: '4000', HOST: '::1' }, { PORT: '5000', HOST: '' }), { PORT: 5000, HOST: '::1' })
})

t.test('readSettings() ignores REDIS_URL when it is not the one that counts', async t => {
  const settings = readSettings({ CACHE_REDIS_URL: 'redis://localhost', REDIS_URL: 'not for us' })
  t.match(settings, { CACHE_REDIS_URL: 'redis://localhost', REDIS_URL: undefined })
  t.equal(readSettings({ REDIS_URL: 'rediss://:p%40ss@[::1]:6380/2' }).REDIS_URL, 'rediss://:p%40ss@[::1]:6380/2')
})

t.test('readSettings() names each wrong setting and what was expected', async t => {
  const wrong: [name: string, value: string, expected: string][] = [
    ['HOST', 'a b', 'a host name or an IP address; got "a b"'],
    ['PORT', 'http', 'an integer from 0 to 65535; got "http"'],
    ['PORT', '65536', 'an integer from 0 to 65535; got "65536"'],
    ['PORT', '-1', 'an integer from 0 to 65535; got "-1"'],
    ['PORT', '3000.5', 'an integer from 0 to 65535; got "3000.5"'],
    ['PORT', '1e999', 'an integer from 0 to 65535; got "1e999"'],
    ['CACHE_KEY_PREFIX', 'dash:tam', '1 to 64 characters of A-Z a-z 0-9 _ . -; got "dash:tam"'],
    ['RATE_LIMIT_API_PER_MINUTE', '10000001', 'an integer from 1 to 10000000; got "10000001"'],
    ['RATE_LIMIT_SIGN_IN_PER_MINUTE', '0', 'an integer from 1 to 10000; got "0"'],
    ['SESSION_COOKIE_SECURE', 'yes', 'true or false; got "yes"'],
    ['SESSION_IDLE_SECONDS', '59', 'an integer from 60 to 86400; got "59"'],
    ['CACHE_TTL_ACCOUNTS', '59', 'an integer from 60 to 3600 (seconds); got "59"'],
    ['CACHE_TTL_ACCOUNTS', '5 m', 'an integer from 60 to 3600 (seconds); got "5 m"'],
    ['ACCESS_TOKEN_TTL_SECONDS', '86401', 'an integer from 60 to 86400; got "86401"'],
    ['SHUTDOWN_TIMEOUT_MS', '0', 'an integer from 100 to 60000; got "0"'],
    ['LOG_LEVEL', 'loud', 'one of fatal, error, warn, info, debug, trace, silent; got "loud"']
  ]
  for (const [name, value, expected] of wrong) {
    t.throws(() => readSettings({ [name]: value }), { message: `Wrong settings:\n  ${name} must be ${expected}` })
  }
  t.match(messageOf(() => readSettings({ PORT: 'x', LOG_LEVEL: 'y' })).split('\n'), [/Wrong/, /PORT/, /LOG_LEVEL/])
})

t.test('readSettings() shows no value that may hold a secret', async t => {
  const wrong = {
    DATABASE_URL: ['mysql://root:hunter2@db/app', 'postgres://root:hunter2@db', 'hunter2', 'postgres://:hunter2@:x/db'],
    CACHE_REDIS_URL: [
      'http://:hunter2@cache',
      'redis://:hunter2@cache:70000',
      'redis://:hunter2@cache/db',
      'redis://:hunter2@cache?x=1',
      'redis://:hunter2%zz@cache',
      'hunter2:6379'
    ],
    REDIS_URL: ['hunter2'],
    CACHE_KEY_SECRET: ['hunter2'],
    JWT_SECRET: ['hunter2']
  }
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const message = messageOf(() => readSettings({ [name]: value }))
      t.match(message, `\n  ${name} must be a`)
      t.notMatch(message, /hunter2/)
    }
  }
})

t.test('.env.example lists each setting with its default', async t => {
  const example = parseEnv(readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8'))
  t.strictSame(Object.keys(example).sort(), Object.keys(SETTINGS.properties).sort())
  t.strictSame(readSettings(example), readSettings({}))
})

function messageOf(failing: () => unknown): string {
  try {
    failing()
    return 'nothing was thrown'
  } catch (error) {
    return String(error)
  }
}
