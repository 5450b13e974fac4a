import { generateKeyPairSync, randomBytes } from 'node:crypto'
import Provider, { type ClientMetadata } from 'oidc-provider'
import { page } from './html.ts'
import type { Memory } from './memory-adapter.ts'

export const SCOPES = ['openid', 'offline_access', 'accounts']

export interface AuthorizationServerOptions {
  /** How browsers and clients reach it. */
  readonly issuer: string
  readonly memory: Memory
  readonly accessTokenSeconds: number
}

const CALLBACK = '/api/v1/connections/callback'
const DAY_SECONDS = 86_400

/** A public client on the user's own machine, at whichever port (RFC 8252, section 7.3). */
const DEMO: ClientMetadata = {
  client_id: 'dashtam-demo',
  client_name: 'Dashtam',
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  redirect_uris: ['127.0.0.1', 'localhost', '[::1]'].map(host => `http://${host}${CALLBACK}`)
}

/** OAuth 2 with PKCE: codes for one use, refresh tokens for one use, access tokens that say nothing. */
export function createAuthorizationServer({
  issuer,
  memory,
  accessTokenSeconds
}: AuthorizationServerOptions): Provider {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return new Provider(issuer, {
    adapter: kind => memory.adapterOf(kind),
    clients: [{ ...DEMO, id_token_signed_response_alg: 'ES256' }],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'brokerage', use: 'sig', alg: 'ES256' }] },
    scopes: SCOPES,
    claims: { openid: ['sub'] },
    findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true, allowedPolicy: (_context, client, token) => token.clientId === client.clientId },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false }
    },
    pkce: { required: () => true },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    expiresWithSession: () => false,
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    ttl: {
      AccessToken: accessTokenSeconds,
      AuthorizationCode: 60,
      Grant: 30 * DAY_SECONDS,
      IdToken: 300,
      Interaction: 600,
      RefreshToken: 30 * DAY_SECONDS,
      Session: 600
    },
    renderError(context, { error, error_description: description }) {
      context.type = 'html'
      context.body = page('This does not work', `<p>${escapeText(`${error}: ${description ?? ''}`)}</p>`)
    }
  })
}

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
