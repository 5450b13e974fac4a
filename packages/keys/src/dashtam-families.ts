import type { Families } from './definition.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE
/** A minute, with the seconds that an entry may take until it is stored. */
const VERIFIED_SECONDS = 55

/**
 * The keys of the toolkit itself: what its packages and the demo store, under which templates, for how long. An app adds
 * its own: `defineKeys({ prefix, secret }, { ...dashtamFamilies, report: 'report:{reportId}' })`.
 */
export const dashtamFamilies = {
  user: {
    template: 'user:{userId}',
    ttlSeconds: HOUR,
    description: 'user record',
    writtenBy: ['user read'],
    invalidatedBy: ['user update', 'password change']
  },
  userProfile: {
    template: 'user:{userId}:profile',
    ttlSeconds: 5 * MINUTE,
    description: 'profile of a user',
    writtenBy: ['profile read'],
    invalidatedBy: ['profile update', 'password change']
  },
  userSettings: {
    template: 'user:{userId}:settings',
    ttlSeconds: 5 * MINUTE,
    description: 'settings of a user',
    writtenBy: ['settings read'],
    invalidatedBy: ['settings update']
  },
  session: {
    template: 'session:{sessionId}',
    hashed: ['sessionId'],
    ttlSeconds: VERIFIED_SECONDS,
    description:
      'session; never past its end (30 minutes idle, 30 days at most), and verified against its table each minute',
    writtenBy: ['sign-in', 'session read'],
    invalidatedBy: ['logout', 'revocation', 'revocation of all sessions', 'use, once a minute']
  },
  userSessions: {
    template: 'user:{userId}:sessions',
    ttlSeconds: VERIFIED_SECONDS,
    description: 'sessions of a user, each with its end (without a table they are an index that lives for 30 days)',
    writtenBy: ['session list read'],
    invalidatedBy: ['sign-in', 'logout', 'revocation', 'revocation of all sessions']
  },
  rateLimit: {
    template: 'rate_limit:{userId}:{endpoint}',
    ttlSeconds: MINUTE,
    description: 'token bucket; lives as long as its window',
    writtenBy: ['request'],
    invalidatedBy: ['time']
  },
  providerToken: {
    template: 'provider:token:{provider}:{userId}',
    description: 'access token, encrypted; lives until 300 s before it expires, and with 300 s or less is not cached',
    writtenBy: ['connection', 'token refresh'],
    invalidatedBy: ['disconnection', 'token refresh']
  },
  providerConnection: {
    template: 'provider:connection:{connectionId}',
    ttlSeconds: 5 * MINUTE,
    description: 'connection to a provider',
    writtenBy: ['connection read'],
    invalidatedBy: ['connection', 'disconnection', 'token refresh']
  },
  connectionsOfUser: {
    template: 'user:{userId}:connections',
    ttlSeconds: 5 * MINUTE,
    description: 'connections of a user',
    writtenBy: ['connection list read'],
    invalidatedBy: ['connection', 'disconnection', 'token refresh']
  },
  providerCredentials: {
    template: 'provider:credentials:{connectionId}',
    ttlSeconds: MINUTE,
    description: 'decrypted credentials of a connection; only ever in the memory of a process',
    writtenBy: ['provider API call'],
    invalidatedBy: ['connection', 'disconnection', 'token refresh']
  },
  providerAccounts: {
    template: 'provider:accounts:{connectionId}',
    ttlSeconds: 5 * MINUTE,
    description: 'what a provider’s accounts API answers about a connection',
    writtenBy: ['provider API call'],
    invalidatedBy: ['sync', 'disconnection']
  },
  schwabAccounts: {
    template: 'schwab:accounts:{userId}',
    ttlSeconds: 5 * MINUTE,
    description: 'response of the provider’s accounts API',
    writtenBy: ['provider API call'],
    invalidatedBy: ['sync', 'disconnection']
  },
  accountsOfUser: {
    template: 'accounts:user:{userId}',
    ttlSeconds: 5 * MINUTE,
    description: 'all accounts of a user; filtered lists are never cached',
    writtenBy: ['account list read'],
    invalidatedBy: ['sync', 'disconnection', 'account update']
  },
  account: {
    template: 'user:{userId}:account:{accountId}',
    ttlSeconds: 5 * MINUTE,
    description: 'one account, of the user who may see it',
    writtenBy: ['account read'],
    invalidatedBy: ['sync', 'disconnection', 'account update']
  },
  transactions: {
    template: 'transactions:account:{accountId}:page:{page}',
    ttlSeconds: 5 * MINUTE,
    description: 'transactions of an account, by page',
    writtenBy: ['transaction list read'],
    invalidatedBy: ['sync', 'disconnection']
  },
  securityGlobalVersion: {
    template: 'security:global:version',
    ttlSeconds: MINUTE,
    description: 'version below which no token is valid',
    writtenBy: ['token check'],
    invalidatedBy: ['global rotation']
  },
  securityUserVersion: {
    template: 'security:user:{userId}:version',
    ttlSeconds: MINUTE,
    description: 'version below which no token of a user is valid',
    writtenBy: ['token check'],
    invalidatedBy: ['rotation for the user']
  },
  authorization: {
    template: 'authz:{userId}:{resource}:{action}',
    ttlSeconds: 5 * MINUTE,
    description: 'whether a user may do something, with the revision of the policy',
    writtenBy: ['permission check'],
    invalidatedBy: ['role change', 'policy change']
  },
  policyRevision: {
    template: 'authz:revision',
    ttlSeconds: 5 * MINUTE,
    description: 'revision of the policy that decisions are made by',
    writtenBy: ['permission check'],
    invalidatedBy: ['role change', 'policy change']
  },
  oauthState: {
    template: 'oauth:state:{state}',
    hashed: ['state'],
    ttlSeconds: 10 * MINUTE,
    description: 'who began to connect what; read once and gone',
    writtenBy: ['start of a connection'],
    invalidatedBy: ['OAuth callback']
  }
} as const satisfies Families
