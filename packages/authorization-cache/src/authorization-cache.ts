import { randomUUID } from 'node:crypto'
import type { CacheFamily, Consistency, FamilyKeys, Mutated, ReadThrough } from '@dashtam/cache-protocol'
import { Enforcers, type PolicyEnforcer } from './enforcers.ts'

/** Whether a user may do something. */
export interface Check {
  readonly userId: string
  readonly resource: string
  /** Not empty. */
  readonly action: string
}

export interface CheckOptions {
  /**
   * `strong`: no answer is older than a change that has been acknowledged, whichever process has made it; it costs a round
   * trip that all strong checks of the moment share.
   * @defaultValue `'eventual'`: at once in the process that makes a change, elsewhere a few milliseconds later
   */
  readonly consistency?: Consistency
}

export interface AuthorizationCacheOptions {
  /** `app.cache`, or another read-through cache. */
  readonly cache: Pick<ReadThrough, 'family'>
  /** `defineKeys` with the families `authorization` and `policyRevision` of `dashtamFamilies`. */
  readonly keys: { readonly authorization: FamilyKeys<Check>; readonly policyRevision: FamilyKeys<object> }
  /**
   * Makes an enforcer with the policy as it is in its storage, such as `() => newEnforcer(model, adapter)`. It is called
   * once for each change, and may be called at any time.
   */
  readonly createEnforcer: () => Promise<PolicyEnforcer>
  /**
   * How long a decision is kept, in seconds, and a policy. A change past `change` stays unnoticed for twice as long at most.
   * @defaultValue 300
   */
  readonly ttlSeconds?: number
  /**
   * What everything depends on, as a tag of the cache: it is invalidated with each change.
   * @defaultValue `'policy'`
   */
  readonly tag?: string
}

interface Revision {
  readonly id: string
}

const DEFAULT_TTL_SECONDS = 300
/** No action is empty: these are the keys of roles. */
const ROLE = ''

/** Decisions of Casbin, cached. Made by {@link createAuthorizationCache}. */
export class AuthorizationCache {
  readonly #decisions: CacheFamily<Check, boolean>
  readonly #revisions: CacheFamily<object, Revision>
  readonly #enforcers: Enforcers
  readonly #tag: string

  /** @internal */
  constructor({
    cache,
    keys,
    createEnforcer,
    ttlSeconds = DEFAULT_TTL_SECONDS,
    tag = 'policy'
  }: AuthorizationCacheOptions) {
    this.#enforcers = new Enforcers(createEnforcer)
    this.#tag = tag
    this.#revisions = cache.family<object, Revision, object>(keys.policyRevision, {
      ttlSeconds,
      tags: () => [tag],
      load: () => ({ id: randomUUID() })
    })
    this.#decisions = cache.family<Check, boolean, Check>(keys.authorization, {
      ttlSeconds,
      tags: () => [tag],
      load: check => this.#decide(check)
    })
  }

  /**
   * Whether the policy allows it. Casbin itself decides when the cache is in trouble.
   *
   * @throws TypeError when the action is empty; whatever Casbin throws.
   */
  async isAllowed({ userId, resource, action }: Check, options?: CheckOptions): Promise<boolean> {
    if (action === ROLE) throw new TypeError('action must not be empty')
    return this.#decisions.get({ userId, resource, action }, options)
  }

  /** Whether the user has the role, by himself or through another. @throws whatever Casbin throws. */
  async hasRole(userId: string, role: string, options?: CheckOptions): Promise<boolean> {
    return this.#decisions.get({ userId, resource: role, action: ROLE }, options)
  }

  /**
   * Changes the policy in its storage, in one step if a check may come in between. When it resolves, this process obeys the change, and so does every strong check anywhere.
   *
   * @returns what `write` returned, and whether the change is acknowledged (see `mutate` of a family).
   * @throws whatever `write` throws.
   */
  async change<T>(write: () => T | Promise<T>): Promise<Mutated<T>> {
    return this.#revisions.mutate({}, write, { tags: [this.#tag] })
  }

  async #decide({ userId, resource, action }: Check): Promise<boolean> {
    // A decision by an older policy must not be kept as one by the policy of now. What is captured of the tag before this
    // load began keeps that from happening, but where nobody tells of changes: there an ordinary read may share what
    // another has asked for a moment before.
    const { id } = await this.#revisions.get({}, { consistency: 'strong' })
    const enforcer = await this.#enforcers.at(id)
    if (action !== ROLE) return enforcer.enforce(userId, resource, action)
    return (await enforcer.getImplicitRolesForUser(userId)).includes(resource)
  }
}

/** Makes a cache in front of Casbin. @throws TypeError when an option is wrong. */
export function createAuthorizationCache(options: AuthorizationCacheOptions): AuthorizationCache {
  if (typeof options.createEnforcer !== 'function') throw new TypeError('createEnforcer must be a function')
  return new AuthorizationCache(options)
}
