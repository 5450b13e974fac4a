import { Keyspace } from '@dashtam/cache-protocol/adapter'
import { createBuilder, createPatternBuilder, type ParamsArgument, type ParamsOf } from './bind.ts'
import type { CheckedFamilies, Families, TemplateOf } from './definition.ts'
import { compileFamilies, type Family } from './family.ts'
import { createFamilyOf } from './family-of.ts'
import { checkOptions } from './options.ts'
import { type KeyParam, Parameter } from './parameter.ts'

declare const brand: unique symbol

/** A key that came out of a registry. A plain string at run time, and wherever a string is asked for. */
export type CacheKey = string & { readonly [brand]: 'CacheKey' }

export interface KeysOptions {
  /** The keyspace: the first segment of every key. 1 to 64 of `A-Z a-z 0-9 _ . -`, as in `'dashtam'`. */
  readonly prefix: string
  /**
   * What hashed parameters are hashed with: at least 32 bytes that only the app knows, the same in all of its processes.
   * With another secret all hashed keys are others. Needed only when a family has hashed parameters.
   */
  readonly secret?: string | Uint8Array
}

/** Builds the keys of one family, and says what is known of them. */
export interface KeyFamily<Template extends string = string, Ttl = number | undefined> {
  /**
   * The key for these parameters. Different parameters give different keys, whatever they hold; `1` and `'1'` are the
   * same parameter.
   *
   * @throws TypeError for a parameter that is not a string or a safe integer.
   */
  (...args: ParamsArgument<Template>): CacheKey
  /**
   * A glob over the family's keys, for `deletePattern` and `scan`: the parameters that are given, and any others.
   *
   * A wildcard crosses `:`, so one at the end also matches longer keys: `user:{userId}` with nothing given matches
   * `user:42:profile` of another family. Given parameters hold no wildcards, whatever they are.
   *
   * @throws TypeError for a parameter that the template does not have, or that is given as `undefined`.
   */
  pattern(params?: Partial<ParamsOf<Template>>): string
  /** Its name in the registry, the one that `familyOf` gives. */
  readonly family: string
  /** The lifetime that the registry states for the family's entries. */
  readonly ttlSeconds: Ttl
}

type TtlOf<F> = F extends { readonly ttlSeconds: infer Ttl extends number } ? Ttl : undefined

/** One builder for each family, by name. */
type KeyFamilies<F> = { readonly [Name in keyof F]: KeyFamily<TemplateOf<F[Name]>, TtlOf<F[Name]>> }

/** What a registry has beside its families. */
export interface KeyRegistry {
  /** The keyspace, to be told to the adapter: `createCache({ keyspace: keys.prefix })`. */
  readonly prefix: string
  /**
   * The name of the family that a key belongs to, those of tenants too, or `undefined`. Takes any string and looks at
   * its shape only. Needs no `this`, so it can be handed to an adapter or to metrics as it is.
   */
  readonly familyOf: (key: string) => string | undefined
}

/** The keys of one tenant. It has no `forTenant`: who is given these cannot leave the tenant. */
export type TenantKeys<F extends Families> = KeyFamilies<F> & KeyRegistry

/** A registry of keys: the families by name, and {@link KeyRegistry}. */
export type Keys<F extends Families> = TenantKeys<F> & {
  /**
   * The same families with every key, and every pattern, under `<prefix>:@<id>:`. No tenant's key is another's, or one
   * without a tenant. Keep the result for as long as you work for the tenant: making it costs as much as some fifty keys.
   *
   * @throws TypeError for an id that is not a string or a safe integer.
   */
  forTenant(id: KeyParam): TenantKeys<F>
}

/**
 * Makes the one place where an app's keys are defined. No two families of it, and no two tuples of parameters, ever give
 * one key.
 *
 * @example
 * const keys = defineKeys({ prefix: 'dashtam' }, { userProfile: 'user:{userId}:profile' })
 * keys.userProfile({ userId: 42 }) // 'dashtam:user:42:profile'
 *
 * @throws TypeError when an option or a definition is wrong, or when two families could give one key.
 */
export function defineKeys<const F extends Families>(options: KeysOptions, families: F & CheckedFamilies<F>): Keys<F> {
  checkOptions('defineKeys', options, ['prefix', 'secret'])
  const { prefix } = new Keyspace(options.prefix, 'prefix')
  const compiled = compileFamilies(families, options.secret)
  const registry: KeyRegistry = { prefix: options.prefix, familyOf: createFamilyOf(compiled, prefix) }
  const tenant = new Parameter({ family: 'forTenant', name: 'id' })
  return assemble(compiled, prefix, {
    ...registry,
    forTenant: (id: KeyParam) => assemble(compiled, `${prefix}@${tenant.encode(id)}:`, registry)
  }) as unknown as Keys<F>
}

function assemble(families: readonly Family[], prefix: string, members: object): object {
  // Without a prototype, so that a family may be called `constructor` and nothing is found that is no family.
  const keys: Record<string, unknown> = Object.assign(Object.create(null), members)
  for (const family of families) {
    const { name, ttlSeconds } = family
    const pattern = createPatternBuilder(family, prefix)
    keys[name] = Object.freeze(Object.assign(createBuilder(family, prefix), { pattern, family: name, ttlSeconds }))
  }
  return Object.freeze(keys)
}
