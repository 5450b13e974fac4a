import type {
  CacheFamily,
  FamilyKeys,
  LoadContext,
  Mutated,
  ReadOptions,
  ReadThrough,
  Result,
  Served,
  ValueCodec
} from '@dashtam/cache-protocol'
import { refuseUnknown, requireFunctions } from '@dashtam/cache-protocol/adapter'
import { encrypts } from './encrypts.ts'

/** A connection, and whose it is. */
export interface ConnectionRef {
  readonly connectionId: string
  readonly provider: string
  readonly userId: string
}

/** What a provider lets requests through with. */
export interface ProviderToken {
  readonly accessToken: string
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number
}

/** Where connections are, and who gives tokens for them. */
export interface ProviderConnectionSource<C, K = never> {
  /** From the database; `undefined` when there is no such connection. */
  findConnection(connectionId: string): Promise<C | undefined>
  /** From the database. */
  listConnections(userId: string): Promise<readonly C[]>
  /**
   * Gets an access token, such as from the provider with the refresh token that the database has. One process at a time is
   * asked while the cache is well; a refresh token that can be used once must be guarded by the database as well.
   *
   * @returns `undefined` when the connection is not there, or has no way to a token any more.
   */
  obtainToken(connection: ConnectionRef, context: LoadContext): Promise<ProviderToken | undefined>
  /** Decrypts what the database keeps encrypted; `undefined` without any. */
  findCredentials?(connectionId: string): Promise<K | undefined>
}

export interface ProviderConnectionKeys {
  readonly providerConnection: FamilyKeys<{ readonly connectionId: string }>
  readonly connectionsOfUser: FamilyKeys<{ readonly userId: string }>
  readonly providerToken: FamilyKeys<{ readonly provider: string; readonly userId: string }>
  readonly providerCredentials: FamilyKeys<{ readonly connectionId: string }>
}

export interface ProviderConnectionCacheOptions<C, K = never> {
  /** `app.cache`, or another read-through cache. */
  readonly cache: Pick<ReadThrough, 'family'>
  /** `defineKeys` with the families of these names of `dashtamFamilies`. */
  readonly keys: ProviderConnectionKeys
  readonly source: ProviderConnectionSource<C, K>
  /** How tokens are encoded: a codec that encrypts, such as `json({ encryption })` of `@dashtam/cache-codecs`. */
  readonly tokenCodec: ValueCodec<ProviderToken | null>
  /** How connections are encoded. @defaultValue JSON */
  readonly connectionCodec?: ValueCodec<C | null>
  /** How lists of connections are encoded. @defaultValue JSON */
  readonly listCodec?: ValueCodec<readonly C[]>
  /** How long a connection, and a list of them, is fresh, in seconds, above 0. @defaultValue 300 */
  readonly ttlSeconds?: number
  /** How long decrypted credentials stay in the memory of this process, in seconds, above 0. @defaultValue 60 */
  readonly credentialsTtlSeconds?: number
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: () => number
}

export interface ChangeOptions {
  /** Whether its token and its credentials are what they were. @defaultValue false: they are dropped */
  readonly keepsSecrets?: boolean
}

/** What has happened since the cache was made. */
export interface ProviderConnectionStats {
  /** Tokens that were asked for. */
  readonly tokens: number
  /** How many of those the source was asked for. */
  readonly obtained: number
  /** Connections that were made, ended or refreshed. */
  readonly changed: number
}

const DEFAULT_TTL_SECONDS = 300
const DEFAULT_CREDENTIALS_TTL_SECONDS = 60
const OPTIONS: readonly (keyof ProviderConnectionCacheOptions<unknown>)[] = [
  'cache',
  'keys',
  'source',
  'tokenCodec',
  'connectionCodec',
  'listCodec',
  'ttlSeconds',
  'credentialsTtlSeconds',
  'now'
]
/** Whoever gets a token from the cache has so long to use it. */
const LEFT_SECONDS = 300

/** Connections of users to providers, cached. Made by {@link createProviderConnectionCache}. */
export class ProviderConnectionCache<C, K = never> {
  readonly #connections: CacheFamily<ConnectionId, C | null>
  readonly #lists: CacheFamily<{ readonly userId: string }, readonly C[]>
  readonly #tokens: CacheFamily<ConnectionRef, ProviderToken | null>
  readonly #credentials: CacheFamily<ConnectionId, K | null>
  readonly #keys: ProviderConnectionKeys
  readonly #stats = { tokens: 0, obtained: 0, changed: 0 }

  /** @internal */
  constructor({
    cache,
    keys,
    source,
    tokenCodec,
    connectionCodec,
    listCodec,
    ttlSeconds = DEFAULT_TTL_SECONDS,
    credentialsTtlSeconds = DEFAULT_CREDENTIALS_TTL_SECONDS,
    now = Date.now
  }: ProviderConnectionCacheOptions<C, K>) {
    this.#keys = keys
    // Anybody can ask for what is not there: it is not to fill the cache.
    const absent = { nullTtlSeconds: 0 }
    this.#connections = cache.family<ConnectionId, C | null, ConnectionId>(keys.providerConnection, {
      ...absent,
      ttlSeconds,
      ...(connectionCodec && { codec: connectionCodec }),
      load: async ({ connectionId }) => (await source.findConnection(connectionId)) ?? null
    })
    this.#lists = cache.family<OfUser, readonly C[], OfUser>(keys.connectionsOfUser, {
      ttlSeconds,
      ...(listCodec && { codec: listCodec }),
      tags: ({ userId }) => [this.#tagOfList(userId)],
      load: ({ userId }) => source.listConnections(userId)
    })
    this.#tokens = cache.family<ConnectionRef, ProviderToken | null, ConnectionRef>(tokenKeys(keys), {
      ...absent,
      isSensitive: true,
      codec: tokenCodec,
      ttlSeconds: token => (token === null ? 0 : Math.max(0, (token.expiresAtMs - now()) / 1_000 - LEFT_SECONDS)),
      tags: ({ connectionId }) => [this.#tagOfSecrets(connectionId)],
      load: async (connection, context) => {
        this.#stats.obtained++
        return (await source.obtainToken(connection, context)) ?? null
      }
    })
    this.#credentials = cache.family<ConnectionId, K | null, ConnectionId>(keys.providerCredentials, {
      ...absent,
      isSensitive: true,
      ttlSeconds: credentialsTtlSeconds,
      // They leave the database encrypted, and stand decrypted in no other store.
      placement: 'memory',
      tags: ({ connectionId }) => [this.#tagOfSecrets(connectionId)],
      load: async ({ connectionId }) => (await source.findCredentials?.(connectionId)) ?? null
    })
  }

  /** A connection, and how it was served; `null` when there is none. Rejects as the source does. */
  get(connectionId: string, options?: ReadOptions): Promise<Served<C | null>> {
    return this.#connections.read({ connectionId }, options)
  }

  /** The connections of a user, and how they were served. Rejects as the source does. */
  list(userId: string, options?: ReadOptions): Promise<Served<readonly C[]>> {
    return this.#lists.read({ userId }, options)
  }

  /**
   * An access token with more than 300 s left, or a new one: what lives no longer than that is obtained anew each time.
   *
   * @returns `undefined` when the source has none. Rejects as the source does.
   */
  async token(connection: ConnectionRef, options?: ReadOptions): Promise<ProviderToken | undefined> {
    this.#stats.tokens++
    return (await this.#tokens.get(connection, options)) ?? undefined
  }

  /** Forgets a token that the provider has refused: the next one is obtained anew. */
  dropToken(connection: ConnectionRef): Promise<Result<void>> {
    return this.#tokens.invalidate(connection)
  }

  /** What the source has decrypted; `undefined` without any. Rejects as the source does. */
  async credentials(connectionId: string, options?: ReadOptions): Promise<K | undefined> {
    return ((await this.#credentials.get({ connectionId }, options)) as K | null) ?? undefined
  }

  /**
   * Makes, ends or changes a connection in the database. When it resolves, this process and each strong read know;
   * whatever becomes of this process in between, nothing that was cached of the connection survives.
   *
   * @returns what `write` returned, and whether the change is acknowledged (see `mutate` of a family).
   * @throws whatever `write` throws.
   */
  async change<T>(
    { connectionId, userId }: ConnectionRef,
    write: () => T | Promise<T>,
    { keepsSecrets = false }: ChangeOptions = {}
  ): Promise<Mutated<T>> {
    const tags = [this.#tagOfList(userId), ...(keepsSecrets ? [] : [this.#tagOfSecrets(connectionId)])]
    const changed = await this.#connections.mutate({ connectionId }, write, { tags })
    this.#stats.changed++
    return changed
  }

  /**
   * As `change`, for a write that comes with a token, such as one that ends an OAuth flow: the token is cached.
   */
  async refresh(connection: ConnectionRef, write: () => Promise<ProviderToken>): Promise<Mutated<ProviderToken>> {
    const refreshed = await this.change(connection, write)
    // Where it cannot be cached, the next one who needs it obtains another.
    if (refreshed.invalidation.ok) await this.#tokens.set(connection, refreshed.value)
    return refreshed
  }

  stats(): ProviderConnectionStats {
    return { ...this.#stats }
  }

  // Tags are named as keys: with the keyspace and the tenant, and no two ids have one.

  #tagOfList(userId: string): string {
    return this.#keys.connectionsOfUser({ userId })
  }

  #tagOfSecrets(connectionId: string): string {
    return this.#keys.providerCredentials({ connectionId })
  }
}

type ConnectionId = Pick<ConnectionRef, 'connectionId'>
type OfUser = Pick<ConnectionRef, 'userId'>

/** A user may have several connections to one provider, and each has a token of its own. */
function tokenKeys({ providerToken }: ProviderConnectionKeys): FamilyKeys<ConnectionRef> {
  const keyOf = ({ provider, connectionId, userId }: ConnectionRef) => {
    checkId('provider', provider)
    checkId('connectionId', connectionId)
    return providerToken({ provider: `${encodeURIComponent(provider)}/${connectionId}`, userId })
  }
  return Object.assign(keyOf, { family: providerToken.family, ttlSeconds: providerToken.ttlSeconds })
}

/** @throws TypeError as keys do. */
function checkId(name: string, id: unknown): void {
  if (typeof id === 'string' || Number.isSafeInteger(id)) return
  throw new TypeError(`${name} must be a string, got ${id === null ? 'null' : typeof id}`)
}

/**
 * Makes a cache in front of connections to providers.
 *
 * @throws TypeError when an option is wrong, and when `tokenCodec` does not encrypt.
 */
export function createProviderConnectionCache<C, K = never>(
  options: ProviderConnectionCacheOptions<C, K>
): ProviderConnectionCache<C, K> {
  const { cache, keys, source, tokenCodec, now = Date.now } = options
  refuseUnknown(options, OPTIONS)
  requireFunctions('cache', cache, ['family'])
  requireFunctions('keys', keys, ['providerConnection', 'connectionsOfUser', 'providerToken', 'providerCredentials'])
  requireFunctions('source', source, ['findConnection', 'listConnections', 'obtainToken'])
  if (source.findCredentials !== undefined) requireFunctions('source', source, ['findCredentials'])
  if (typeof now !== 'function') throw new TypeError(`now must be a function, got ${typeof now}`)
  const accessToken = 'is this what stands in the cache?'
  if (typeof tokenCodec?.encode !== 'function' || !encrypts(tokenCodec, { accessToken, expiresAtMs: 0 }, accessToken)) {
    throw new TypeError('tokenCodec must encrypt: json({ encryption: createKeyRing(…) }) of @dashtam/cache-codecs does')
  }
  return new ProviderConnectionCache(options)
}
