import * as oauth from 'openid-client'
import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Grant, ProviderClient } from '../../application/ports.ts'
import { ACCOUNT_TYPES } from '../../domain/account.ts'
import { ProviderError } from '../../domain/provider.ts'

const CLIENT_ID = 'dashtam-demo'
const SCOPE = 'openid offline_access accounts'
/** Who waits for an answer is told so rather than kept waiting. */
const TIMEOUT_MS = 3_000
const DEFAULT_TOKEN_SECONDS = 300

const Text = Type.String({ minLength: 1, maxLength: 200 })
const Money = Type.String({ pattern: '^-?\\d{1,12}\\.\\d{2}$' })
const Accounts = Type.Object({
  accounts: Type.Array(
    Type.Object({
      id: Text,
      name: Text,
      type: Type.Enum([...ACCOUNT_TYPES]),
      currency: Type.String({ pattern: '^[A-Z]{3}$' }),
      balance: Money
    }),
    { maxItems: 1_000 }
  )
})
const Transactions = Type.Object({
  transactions: Type.Array(
    Type.Object({
      id: Text,
      occurredOn: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }),
      description: Text,
      amount: Money
    }),
    { maxItems: 1_000 }
  )
})

export interface BrokerageClientOptions {
  /** Hears of each request, and what it is for. */
  readonly onCall?: (operation: 'accounts' | 'transactions' | 'token') => void
}

/** A client of the brokerage at `url`, which need not be there yet. */
export function createBrokerageClient(
  url: string,
  { onCall = () => undefined }: BrokerageClientOptions = {}
): ProviderClient {
  let discovered: Promise<oauth.Configuration> | undefined
  const configuration = () => {
    discovered ??= oauth
      .discovery(new URL(url), CLIENT_ID, undefined, oauth.None(), {
        timeout: TIMEOUT_MS / 1_000,
        // It listens on this machine, or within one network with us: `BROKERAGE_URL` says whether it is http.
        execute: [oauth.allowInsecureRequests]
      })
      .catch(error => {
        discovered = undefined
        throw error
      })
    return discovered
  }

  async function get<S extends TSchema>(path: string, accessToken: string, schema: S, signal?: AbortSignal) {
    const timeout = AbortSignal.timeout(TIMEOUT_MS)
    const answer = await told(async () => {
      const response = await fetch(`${url}/api${path}`, {
        headers: { authorization: `Bearer ${accessToken}`, accept: 'application/json' },
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout])
      })
      return { response, text: await response.text() }
    })
    checkStatus(answer.response)
    return parsed(answer.text, schema)
  }

  return {
    async authorizationUrl({ state, codeChallenge, redirectUri }) {
      const config = await told(configuration)
      const request = { scope: SCOPE, state, redirect_uri: redirectUri, prompt: 'consent' }
      const pkce = { code_challenge: codeChallenge, code_challenge_method: 'S256' }
      return oauth.buildAuthorizationUrl(config, { ...request, ...pkce }).href
    },

    async exchange(callbackUrl, { state, codeVerifier }) {
      onCall('token')
      const checks = { expectedState: state, pkceCodeVerifier: codeVerifier }
      return grantOf(
        await told(async () => oauth.authorizationCodeGrant(await configuration(), new URL(callbackUrl), checks))
      )
    },

    async refresh(refreshToken) {
      onCall('token')
      return grantOf(await told(async () => oauth.refreshTokenGrant(await configuration(), refreshToken)))
    },

    async revoke(refreshToken) {
      await told(async () => oauth.tokenRevocation(await configuration(), refreshToken))
    },

    async listAccounts(accessToken, signal) {
      onCall('accounts')
      return (await get('/accounts', accessToken, Accounts, signal)).accounts
    },

    async listTransactions(accessToken, { providerAccountId, page }, signal) {
      onCall('transactions')
      const path = `/accounts/${encodeURIComponent(providerAccountId)}/transactions?page=${page}`
      return (await get(path, accessToken, Transactions, signal)).transactions
    }
  }
}

/** Runs a request, and says of a failure which one it was. */
async function told<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request()
  } catch (error) {
    throw asProviderError(error)
  }
}

function asProviderError(cause: unknown): ProviderError {
  if (cause instanceof oauth.ResponseBodyError || cause instanceof oauth.AuthorizationResponseError) {
    return cause instanceof oauth.ResponseBodyError && cause.status >= 500
      ? new ProviderError('unavailable', 'The brokerage has failed.', { cause })
      : new ProviderError('refused', 'The brokerage does not let us in.', { cause })
  }
  const isSlow = (cause instanceof Error && cause.name === 'TimeoutError') || hasCode(cause, 'OAUTH_TIMEOUT')
  if (isSlow) return new ProviderError('slow', 'The brokerage does not answer in time.', { cause })
  const status =
    hasCode(cause, 'OAUTH_RESPONSE_IS_NOT_CONFORM') && (cause.cause as Partial<Response> | undefined)?.status
  if (status && status >= 500)
    return new ProviderError('unavailable', `The brokerage has failed (${status}).`, { cause })
  // Of the URL that it is known by, when that is asked for what it is.
  if (hasCode(cause, 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED')) {
    return new ProviderError('rubbish', 'The brokerage calls itself by another address than BROKERAGE_URL.', { cause })
  }
  if (cause instanceof oauth.ClientError) {
    return new ProviderError('unavailable', 'The brokerage answers what makes no sense.', { cause })
  }
  return new ProviderError('unavailable', 'The brokerage cannot be reached.', { cause })
}

function hasCode(error: unknown, code: string): error is Error {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code
}

function checkStatus({ status, headers }: Response): void {
  if (status === 429) {
    const seconds = Number(headers.get('retry-after'))
    const retryAfterSeconds = Number.isSafeInteger(seconds) && seconds > 0 ? Math.min(seconds, 3_600) : 1
    throw new ProviderError('busy', 'The brokerage asks us to wait.', { retryAfterSeconds })
  }
  if (status === 401 || status === 403) throw new ProviderError('refused', 'The brokerage does not let us in.')
  if (status !== 200) throw new ProviderError('unavailable', `The brokerage has failed (${status}).`)
}

/** Nothing of an answer is believed that is not what we know. */
function parsed<S extends TSchema>(text: string, schema: S): Static<S> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // What it was is no matter: it is no JSON.
  }
  if (!Value.Check(schema, value)) throw new ProviderError('rubbish', 'The brokerage answers what makes no sense.')
  return Value.Clean(schema, value) as Static<S>
}

function grantOf(tokens: {
  readonly access_token: string
  readonly refresh_token?: string | undefined
  readonly expires_in?: number | undefined
}): Grant {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds = DEFAULT_TOKEN_SECONDS } = tokens
  if (refreshToken === undefined) throw new ProviderError('rubbish', 'The brokerage gives no refresh token.')
  return { accessToken, refreshToken, expiresAtMs: Date.now() + seconds * 1_000 }
}
