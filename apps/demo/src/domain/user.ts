/** What somebody may do beyond his own affairs. */
export const ROLES = ['admin', 'auditor'] as const

export type Role = (typeof ROLES)[number]

export interface User {
  readonly id: string
  /** In lower case. */
  readonly email: string
  readonly name: string
}

export interface UserWithRoles extends User {
  readonly roles: readonly Role[]
}

/** In characters, as people count them; whatever they are. */
export const PASSWORD_LENGTH = { min: 8, max: 128 } as const
