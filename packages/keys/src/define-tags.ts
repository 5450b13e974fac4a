import { Keyspace } from '@dashtam/cache-protocol/adapter'
import { createBuilder, type ParamsArgument } from './bind.ts'
import type { CheckedFamilies, Families, TemplateOf } from './definition.ts'
import { compileFamilies } from './family.ts'
import { checkOptions } from './options.ts'

declare const brand: unique symbol

/** A tag that came out of a registry. A plain string at run time, but not a {@link CacheKey}. */
export type CacheTag = string & { readonly [brand]: 'CacheTag' }

export interface TagsOptions {
  /** The first segment of every tag: 1 to 64 of `A-Z a-z 0-9 _ . -`. Without it tags begin with their template. */
  readonly prefix?: string
  /** As for `defineKeys`. */
  readonly secret?: string | Uint8Array
}

/** One builder for each tag, by name. */
export type Tags<F extends Families> = {
  readonly [Name in keyof F]: (...args: ParamsArgument<TemplateOf<F[Name]>>) => CacheTag
}

/**
 * Makes the one place where an app's tags are defined, in the notation and the encoding of keys.
 *
 * @example
 * const tags = defineTags({}, { user: 'user:{userId}' })
 * tags.user({ userId: 42 }) // 'user:42'
 *
 * @throws TypeError when an option or a definition is wrong, or when two templates could give one tag.
 */
export function defineTags<const F extends Families>(options: TagsOptions, templates: F & CheckedFamilies<F>): Tags<F> {
  checkOptions('defineTags', options, ['prefix', 'secret'])
  const prefix = options.prefix === undefined ? '' : new Keyspace(options.prefix, 'prefix').prefix
  const tags: Record<string, unknown> = Object.create(null)
  for (const family of compileFamilies(templates, options.secret)) {
    tags[family.name] = Object.freeze(createBuilder(family, prefix))
  }
  return Object.freeze(tags) as unknown as Tags<F>
}
