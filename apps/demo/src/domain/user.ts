/** What somebody may do beyond his own affairs. */
export const ROLES = ['admin', 'auditor'] as const

export type Role = (typeof ROLES)[number]

export interface User {
  readonly id: string
  /** In lower case. */
  readonly email: string
  readonly name: string
}

export const LANGUAGES = ['en', 'de', 'es', 'fr'] as const

export type Language = (typeof LANGUAGES)[number]

/** How somebody wants to see things. */
export interface UserSettings {
  readonly language: Language
  /** ISO 4217 */
  readonly currency: string
}

/** Whether something of unknown origin, such as a cache that other versions write too, is a user. */
export function isUser(value: unknown): value is User {
  if (typeof value !== 'object' || value === null) return false
  const { id, email, name } = value as Record<keyof User, unknown>
  return [id, email, name].every(field => typeof field === 'string')
}

export function isUserSettings(value: unknown): value is UserSettings {
  if (typeof value !== 'object' || value === null) return false
  const { language, currency } = value as Record<keyof UserSettings, unknown>
  return LANGUAGES.some(known => known === language) && typeof currency === 'string'
}

export interface UserWithRoles extends User {
  readonly roles: readonly Role[]
}

/** In characters, as people count them; whatever they are. */
export const PASSWORD_LENGTH = { min: 8, max: 128 } as const
