import { randomUUID } from 'node:crypto'
import type { Role, User, UserWithRoles } from '../domain/user.ts'
import type { Authorization, Passwords, UserRepository } from './ports.ts'

export interface UsersDeps {
  readonly repository: UserRepository
  readonly passwords: Passwords
  readonly authorization: Authorization
}

export interface NewUser {
  readonly email: string
  readonly name: string
  readonly password: string
}

/** Who there is, and who may do what. */
export class Users {
  readonly #repository: UserRepository
  readonly #passwords: Passwords
  readonly #authorization: Authorization

  constructor({ repository, passwords, authorization }: UsersDeps) {
    this.#repository = repository
    this.#passwords = passwords
    this.#authorization = authorization
  }

  /** `undefined` when somebody has that e-mail address already. */
  async register({ email, name, password }: NewUser): Promise<User | undefined> {
    const user = { id: randomUUID(), email: email.toLowerCase(), name }
    const passwordHash = await this.#passwords.hash(password)
    return (await this.#repository.insert({ ...user, passwordHash })) ? user : undefined
  }

  /** By e-mail address, from the one after `after` on. */
  list(page: { readonly after: string; readonly limit: number }): Promise<UserWithRoles[]> {
    return this.#repository.list(page)
  }

  /** `undefined` when there is no such user. Somebody always stays admin. */
  async setRoles(userId: string, roles: readonly Role[]): Promise<UserWithRoles | 'last_admin' | undefined> {
    const { value } = await this.#authorization.change(() => this.#repository.setRoles(userId, roles))
    return value
  }
}
