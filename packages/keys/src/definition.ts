import type { ParamNames } from './template.ts'

/** What a family of keys is: its template, and what the docs say of it. */
export interface FamilyDefinition<Template extends string = string> {
  /**
   * Segments joined by `:`, each a literal (`A-Z a-z 0-9 _ . -`) or one `{parameter}`; the first is a literal. One
   * parameter may be a `{{parameter}}`: in a cluster, keys with the same value of it share a slot.
   */
  readonly template: Template
  /** Parameters that stand in the key as an HMAC: secrets, such as session ids, and personal data. */
  readonly hashed?: readonly ParamNames<Template>[]
  /** The lifetime that its entries have by default, in seconds, above 0; `Infinity` never expires. */
  readonly ttlSeconds?: number
  /** What it holds, for the docs. */
  readonly description?: string
  /** The events after which an entry is written, for the docs: `['sign-in']`. */
  readonly writtenBy?: readonly string[]
  /** The events after which an entry is removed, for the docs: `['logout', 'revocation']`. */
  readonly invalidatedBy?: readonly string[]
}

/** Families by name. A bare string is a template without anything to say of it. */
export type Families = Readonly<Record<string, string | FamilyDefinition>>

/** Names that a family cannot have: members of {@link Keys}, and `then`, which would make it look like a promise. */
export const RESERVED_NAMES = ['prefix', 'familyOf', 'forTenant', 'then'] as const
type ReservedName = (typeof RESERVED_NAMES)[number]

export type TemplateOf<Family> = Family extends string
  ? Family
  : Family extends { readonly template: infer Template extends string }
    ? Template
    : never

type CheckedFamily<Family> = Family extends string
  ? string
  : FamilyDefinition<TemplateOf<Family>> & {
      readonly [Unknown in Exclude<keyof Family, keyof FamilyDefinition>]: never
    }

/** What the compiler refuses in a registry: reserved names, unknown properties, `hashed` names not in the template. */
export type CheckedFamilies<F> = {
  readonly [Name in keyof F]: Name extends ReservedName ? never : CheckedFamily<F[Name]>
}
