import type { AccessTokens, Passwords, UserRepository } from './ports.ts'

export interface SignInDeps {
  readonly users: UserRepository
  readonly passwords: Passwords
  readonly tokens: AccessTokens
}

/** Answers an access token, or `undefined` for wrong credentials, without telling which of the two was wrong. */
export type SignIn = (email: string, password: string) => Promise<string | undefined>

export function createSignIn({ users, passwords, tokens }: SignInDeps): SignIn {
  return async (email, password) => {
    const credentials = await users.findCredentials(email)
    const matches = await passwords.matches(password, credentials?.passwordHash)
    return matches && credentials !== undefined ? tokens.issue(credentials.userId) : undefined
  }
}
