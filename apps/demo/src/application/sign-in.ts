import type { Attempt, Passwords, SignInLimit, UserRepository } from './ports.ts'

export interface SignInDeps {
  readonly users: UserRepository
  readonly passwords: Passwords
  readonly limit: SignInLimit
}

type SignInResult =
  | { readonly kind: 'signed_in'; readonly userId: string }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'limited'; readonly retryAfterMs: number }

/** Tells who it is. For wrong credentials it does not tell which of the two was wrong. */
export type SignIn = (attempt: Attempt & { readonly password: string }) => Promise<SignInResult>

export function createSignIn({ users, passwords, limit }: SignInDeps): SignIn {
  return async ({ email, address, password }) => {
    const verified = await limit.attempt({ email: email.toLowerCase(), address }, async () => {
      const credentials = await users.findCredentials(email)
      const matches = await passwords.matches(password, credentials?.passwordHash)
      return matches ? credentials?.userId : undefined
    })
    if ('retryAfterMs' in verified) return { kind: 'limited', ...verified }
    return verified.value === undefined ? { kind: 'wrong' } : { kind: 'signed_in', userId: verified.value }
  }
}
